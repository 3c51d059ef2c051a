import { NODE_PATHS, QUEUE_HEADERS, type ServedModel } from "../../../src/tunnel/protocol/messages.ts";
import type { Engine } from "../engines/engine.ts";
import { NodeError, type NodeRequest } from "./contract.ts";
import { invalidJson, invalidRequest } from "./node-errors.ts";
import type { Place } from "./queue.ts";

/** Where a call belongs in the queue, by what the gateway says of it. */
export function placeOf({ headers }: NodeRequest): Place {
  return {
    key: headers[QUEUE_HEADERS.key] ?? "",
    session: headers[QUEUE_HEADERS.session] ?? "",
    priority: headers[QUEUE_HEADERS.priority] === "job" ? "job" : "interactive",
  };
}

/** @throws {NodeError} 404 or 405 */
export function assertKnownPath(request: NodeRequest): void {
  if (!(NODE_PATHS as readonly string[]).includes(request.path)) {
    throw new NodeError({
      code: "unknown_path",
      message: `A node does not serve ${request.path}. It serves ${NODE_PATHS.join(", ")}.`,
      status: 404,
      retryable: false,
    });
  }
  if (request.method !== "POST") {
    throw new NodeError({
      code: "method_not_allowed",
      message: `${request.path} takes POST.`,
      status: 405,
      retryable: false,
    });
  }
}

/** What a model must be able to, beyond chat, to be asked at a path. */
const NEEDED_AT: Record<string, keyof ServedModel["capabilities"]> = {
  "/v1/completions": "completions",
  "/v1/embeddings": "embeddings",
};

/** @throws {NodeError} 404 where the engine lacks the path's endpoint */
export function assertServed(path: string, model: string, engine: Engine): void {
  const needed = NEEDED_AT[path];
  const served = engine.models().find(({ id }) => id === model);
  if (needed === undefined || served?.capabilities[needed]) return;
  throw new NodeError({
    code: "unsupported_endpoint",
    message: `The engine of '${model}' (${engine.kind}) has no ${path}.`,
    status: 404,
    retryable: false,
    param: "model",
  });
}

/** The model that a body names. @throws {NodeError} 400 */
export function modelOf(body: Uint8Array): string {
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder().decode(body));
  } catch (cause) {
    throw invalidJson(cause);
  }
  const model = typeof parsed === "object" && parsed !== null && "model" in parsed ? parsed.model : undefined;
  if (typeof model === "string" && model !== "") return model;
  throw invalidRequest({ message: "'model' must be the name of a model.", param: "model" });
}

/** 404, with what there is. */
export function modelNotFound(model: string, engines: readonly Engine[]): NodeError {
  const served = engines.flatMap((engine) => engine.models().map(({ id }) => id));
  const list = served.length === 0 ? "nothing yet" : served.join(", ");
  return new NodeError({
    code: "model_not_found",
    message: `This node does not serve '${model}'. It serves: ${list}.`,
    status: 404,
    retryable: false,
    param: "model",
  });
}

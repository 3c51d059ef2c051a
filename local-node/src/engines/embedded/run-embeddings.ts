import { NodeError } from "../../serve/contract.ts";
import { cancelled } from "../../serve/node-errors.ts";
import { once } from "../../serve/observed-body.ts";
import { type EmbeddingRequest, parseEmbeddingRequest } from "../embedding-request.ts";
import type { EngineRequest } from "../engine.ts";
import type { Call, Response } from "./run-call.ts";

/** Runs one call of the embeddings API. @throws {NodeError} */
export function runEmbeddings(options: {
  request: EngineRequest;
  model: string;
  register(call: Call): void;
  forget(): void;
  begin(request: EmbeddingRequest): void;
  cancel(): void;
}): Promise<Response> {
  const { phases, signal, body } = options.request;
  const request = parseEmbeddingRequest(body);
  const vectors: string[] = [];
  const reply = Promise.withResolvers<Response>();
  const settle = (): void => {
    options.forget();
    signal.removeEventListener("abort", onAbort);
  };
  const fail = (error: NodeError): void => {
    settle();
    reply.reject(error);
  };
  const onAbort = (): void => {
    options.cancel();
    fail(cancelled());
  };
  options.register({
    onLost: fail,
    onMessage: (message) => {
      switch (message.type) {
        case "prefill":
          phases.prefillStartUs = message.prefillStartUs;
          phases.promptTokens = message.usage.promptTokens;
          break;
        case "vector":
          vectors.push(message.base64);
          break;
        case "end":
          phases.endUs = message.endUs;
          settle();
          reply.resolve(render(options.model, { vectors, request, tokens: message.usage.promptTokens }));
          break;
        case "failed":
          fail(new NodeError(message.error));
          break;
      }
    },
  });
  signal.addEventListener("abort", onAbort, { once: true });
  options.begin(request);
  return reply.promise;
}

function render(
  model: string,
  reply: { vectors: readonly string[]; request: EmbeddingRequest; tokens: number },
): Response {
  const body = {
    object: "list",
    data: reply.vectors.map((base64, index) => ({
      object: "embedding",
      index,
      embedding: reply.request.base64 ? base64 : [...floatsOf(base64)],
    })),
    model,
    usage: { prompt_tokens: reply.tokens, total_tokens: reply.tokens },
  };
  return {
    status: 200,
    headers: { "content-type": "application/json" },
    body: once(new TextEncoder().encode(JSON.stringify(body))),
  };
}

/** 32-bit floats, little-endian; shown with the digits that tell them apart. */
function floatsOf(base64: string): number[] {
  const bytes = Buffer.from(base64, "base64");
  return Array.from({ length: bytes.length / 4 }, (_, index) =>
    Number(bytes.readFloatLE(index * 4).toPrecision(9)),
  );
}

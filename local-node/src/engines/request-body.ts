import { z } from "zod";
import { isRecord } from "../is-record.ts";
import type { NodeError } from "../serve/contract.ts";
import { invalidJson, invalidRequest, unsupportedParameter } from "../serve/node-errors.ts";

export type Fields = Record<string, unknown>;

/** What endpoints that stream know: whether, and whether the stream ends with a usage chunk. */
export const streamShape = {
  stream: z.boolean().default(false),
  stream_options: z
    .object({ include_usage: z.boolean().default(false), include_obfuscation: z.boolean().optional() })
    .optional(),
};

const streamSchema = z.object(streamShape);

/** @throws {NodeError} 400 where options of a stream come without one */
export function toStreaming(request: z.infer<typeof streamSchema>): {
  stream: boolean;
  includeUsage: boolean;
} {
  if (request.stream_options !== undefined && !request.stream) {
    throw invalidRequest({
      message: "'stream_options' is only allowed with 'stream': true.",
      param: "stream_options",
    });
  }
  return { stream: request.stream, includeUsage: request.stream_options?.include_usage ?? false };
}

/** Reads the JSON object of a body. @throws {NodeError} 400 `invalid_json` */
export function readObject(body: Uint8Array): Fields {
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch (cause) {
    throw invalidJson(cause);
  }
  if (!isRecord(parsed)) {
    throw invalidRequest({ code: "invalid_json", message: "The body must be a JSON object." });
  }
  return parsed;
}

/** In OpenAI's API a field that is null counts as absent. */
export function dropNulls(record: Fields): Fields {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== null));
}

/**
 * Refuses by name the first field that is neither known nor harmless, nor one that cannot be honoured but asks for
 * nothing (`neutral` says so of its value).
 * @throws {NodeError} 400 `unsupported_parameter`
 */
export function refuseFields(
  raw: Fields,
  options: {
    known: object;
    harmless: ReadonlySet<string>;
    neutral?: Record<string, (value: unknown) => boolean>;
  },
): void {
  for (const [name, value] of Object.entries(raw)) {
    if (options.harmless.has(name) || name in options.known) continue;
    const isNeutral = options.neutral?.[name];
    if (isNeutral === undefined) throw unsupportedParameter(name, "unknown field");
    if (!isNeutral(value)) throw unsupportedParameter(name);
  }
}

/** The first problem that zod found, as a 400 `invalid_value` that names the field by its path. */
export function toInvalidRequest(error: z.ZodError): NodeError {
  const issue = error.issues[0];
  const param = issue === undefined ? "" : toPath(issue.path);
  const message = issue?.message ?? "The request is not valid.";
  return invalidRequest({ message: param === "" ? message : `'${param}': ${message}`, param });
}

function toPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, key) => {
    if (typeof key === "number") return `${text}[${key}]`;
    return text === "" ? String(key) : `${text}.${String(key)}`;
  }, "");
}

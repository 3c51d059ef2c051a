import { RouteletError } from "../../errors.ts";
import type { Call, Needs } from "../call.ts";
import type { Json } from "../json.ts";
import { renameTopLevelField, setTopLevelField } from "../json-splice.ts";
import type { ModelRequest } from "../model-request.ts";
import { invalidField, readJsonObject, readWith } from "../read-json.ts";
import { responsesPassBody } from "./pass-body.ts";
import { type ResponsesRequest, referenceOf, responsesRequest, wantsLogprobs } from "./request-schema.ts";
import { responsesToRequest } from "./to-request.ts";

function hasPart(input: ResponsesRequest["input"], type: string): boolean {
  if (!Array.isArray(input)) return false;
  return input.some(
    (item) =>
      Array.isArray(item.content) &&
      item.content.some(
        (part: unknown) => typeof part === "object" && part !== null && "type" in part && part.type === type,
      ),
  );
}

const TOOL_ITEMS = new Set([
  "function_call",
  "function_call_output",
  "custom_tool_call",
  "custom_tool_call_output",
  "tool_search_call",
  "tool_search_output",
]);

function needsOf(request: ResponsesRequest): Needs {
  const format = request.text?.format?.type;
  const items = Array.isArray(request.input) ? request.input : [];
  return {
    tools: (request.tools?.length ?? 0) > 0 || items.some(({ type }) => type != null && TOOL_ITEMS.has(type)),
    jsonSchema: format === "json_schema",
    jsonObject: format === "json_object",
    logprobs: wantsLogprobs(request),
    images: hasPart(request.input, "input_image"),
    audio: hasPart(request.input, "input_audio"),
    multipleChoices: false,
    logitBias: false,
    penalties: (request.presence_penalty ?? 0) !== 0 || (request.frequency_penalty ?? 0) !== 0,
  };
}

function referencesIn(input: ResponsesRequest["input"]): string[] {
  return Array.isArray(input) ? input.flatMap((item) => referenceOf(item) ?? []) : [];
}

/** A call whose text has been read; `json` and `request` are what it says. */
export function responsesCall(text: string, json: Json, request: ResponsesRequest): Call {
  let built: ModelRequest | null = null;
  return {
    dialect: "openai-responses",
    requestedModel: request.model,
    stream: request.stream === true,
    wantsStreamUsage: true,
    needs: needsOf(request),
    text,
    previousResponseId: request.previous_response_id ?? null,
    itemReferences: referencesIn(request.input),
    store: request.store == null ? "default" : request.store ? "asked" : "no",
    ...(request.background === true ? { background: true } : {}),
    passBody: (model) => responsesPassBody({ text, request, model }),
    request() {
      built ??= responsesToRequest(json, request);
      return built;
    },
  };
}

/**
 * Reads a `POST /v1/responses/input_tokens` body: a response's own, of which nothing is kept.
 *
 * @throws RouteletError as `parseResponsesCall`.
 */
export function parseInputTokensCall(body: Uint8Array): Call {
  const text = setTopLevelField(parseResponsesCall(body).text, "store", false);
  const json = JSON.parse(text) as Json;
  return responsesCall(text, json, readWith(responsesRequest, json));
}

/** The body for a provider that counts: it knows no `store`. */
export function inputTokensBody(call: Call, model: string): string {
  return renameTopLevelField(call.passBody(model), "store", null);
}

/** One of these must be given (OpenAI API reference, "Create a response"). */
const SAYS_SOMETHING = ["input", "previous_response_id", "prompt", "conversation"];

/** Who answers later keeps the response until then. */
function mustBeStored(): RouteletError {
  return new RouteletError({
    kind: "invalid_request",
    code: "invalid_value",
    message: "`background: true` needs a response that is stored: leave `store` out, or set it to true.",
    param: "store",
  });
}

/**
 * Reads a `POST /v1/responses` body.
 *
 * @throws RouteletError `invalid_json`, `json_too_deep`, `invalid_type` or `unsupported_parameter` (with `param` naming
 * the field).
 */
export function parseResponsesCall(body: Uint8Array): Call {
  const { text, json } = readJsonObject(body, "`model` and `input`");
  const request = readWith(responsesRequest, json);
  if (SAYS_SOMETHING.every((field) => json[field] == null)) throw invalidField(["input"], "is missing");
  if (request.background === true && request.store === false) throw mustBeStored();
  return responsesCall(text, json, request);
}

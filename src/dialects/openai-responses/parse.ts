import type { Call, Needs } from "../call.ts";
import { setTopLevelField } from "../json-splice.ts";
import type { ModelRequest } from "../model-request.ts";
import { readJsonObject, readWith } from "../read-json.ts";
import { type ResponsesRequest, responsesRequest } from "./request-schema.ts";
import { responsesToRequest } from "./to-request.ts";

type Json = Record<string, unknown>;

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
    tools:
      (request.tools?.length ?? 0) > 0 ||
      items.some(({ type }) => type !== undefined && TOOL_ITEMS.has(type)),
    jsonSchema: format === "json_schema",
    jsonObject: format === "json_object",
    logprobs: request.include?.includes("message.output_text.logprobs") === true,
    images: hasPart(request.input, "input_image"),
    audio: hasPart(request.input, "input_audio"),
    multipleChoices: false,
    logitBias: false,
    penalties: false,
  };
}

/** The gateway keeps responses itself, and continues them itself: a provider is to do neither. */
function passBody(text: string, model: string): string {
  return setTopLevelField(setTopLevelField(text, "model", model), "store", false);
}

function callOf(text: string, json: Json, request: ResponsesRequest): Call {
  let built: ModelRequest | null = null;
  return {
    dialect: "openai-responses",
    requestedModel: request.model,
    stream: request.stream === true,
    wantsStreamUsage: true,
    needs: needsOf(request),
    text,
    previousResponseId: request.previous_response_id ?? null,
    store: request.store == null ? "default" : request.store ? "asked" : "no",
    passBody: (model) => passBody(text, model),
    request() {
      built ??= responsesToRequest(json, request);
      return built;
    },
  };
}

/**
 * Reads a `POST /v1/responses` body.
 *
 * @throws RouteletError `invalid_json`, `json_too_deep` or `invalid_type` (with `param` naming the field).
 */
export function parseResponsesCall(body: Uint8Array): Call {
  const { text, json } = readJsonObject(body, "`model` and `input`");
  return callOf(text, json, readWith(responsesRequest, json));
}

/** The input of a call as items, in the order in which they were given. */
export function inputItems(text: string): Json[] {
  const { input } = JSON.parse(text) as { input?: string | Json[] };
  if (typeof input === "string") return [{ type: "message", role: "user", content: input }];
  return input ?? [];
}

/**
 * A call whose input begins with what was said before it. `previous_response_id` is taken out: whoever answers sees
 * the whole conversation. Instructions are not inherited (OpenAI API reference, "previous_response_id").
 */
export function withHistory(call: Call, history: readonly Json[]): Call {
  const spliced = setTopLevelField(call.text, "input", [...history, ...inputItems(call.text)]);
  const text = setTopLevelField(spliced, "previous_response_id", null);
  const json = JSON.parse(text) as Json;
  const joined = callOf(text, json, readWith(responsesRequest, json));
  return { ...joined, previousResponseId: call.previousResponseId ?? null, store: call.store };
}

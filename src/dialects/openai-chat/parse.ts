import { z } from "zod";
import type { Call, Needs } from "../call.ts";
import { renameTopLevelField, setTopLevelField } from "../json-splice.ts";
import type { ModelRequest } from "../model-request.ts";
import { readJsonObject, readWith } from "../read-json.ts";
import { MAX_MESSAGES, MAX_TOOLS, modelName } from "../request-limits.ts";
import { chatToRequest } from "./to-request.ts";

const part = z.looseObject({ type: z.string() });

const message = z.looseObject({
  role: z.enum(["system", "developer", "user", "assistant", "tool", "function"]),
  content: z.union([z.string(), z.array(part), z.null()]).optional(),
  tool_calls: z.array(z.looseObject({})).nullish(),
});

/**
 * The fields that the gateway itself reads, by the types of OpenAI's API reference. Everything else passes
 * through to the backend, which judges it.
 */
const chatRequest = z.looseObject({
  model: modelName,
  messages: z.array(message).min(1).max(MAX_MESSAGES),
  stream: z.boolean().nullish(),
  stream_options: z.looseObject({ include_usage: z.boolean().nullish() }).nullish(),
  temperature: z.number().min(0).max(2).nullish(),
  top_p: z.number().min(0).max(1).nullish(),
  max_tokens: z.number().int().min(1).nullish(),
  max_completion_tokens: z.number().int().min(1).nullish(),
  n: z.number().int().min(1).max(128).nullish(),
  seed: z.number().nullish(),
  stop: z.union([z.string(), z.array(z.string())]).nullish(),
  logprobs: z.boolean().nullish(),
  top_logprobs: z.number().int().min(0).max(20).nullish(),
  logit_bias: z.record(z.string(), z.number()).nullish(),
  frequency_penalty: z.number().min(-2).max(2).nullish(),
  presence_penalty: z.number().min(-2).max(2).nullish(),
  tools: z.array(z.looseObject({})).max(MAX_TOOLS).nullish(),
  functions: z.array(z.looseObject({})).max(MAX_TOOLS).nullish(),
  modalities: z.array(z.string()).nullish(),
  response_format: z.looseObject({ type: z.string() }).nullish(),
  store: z.boolean().nullish(),
});

type ChatRequest = z.infer<typeof chatRequest>;

function hasPart(request: ChatRequest, types: readonly string[]): boolean {
  return request.messages.some(
    ({ content }) => Array.isArray(content) && content.some(({ type }) => types.includes(type)),
  );
}

function needsOf(request: ChatRequest): Needs {
  const format = request.response_format?.type;
  return {
    tools:
      (request.tools?.length ?? 0) > 0 ||
      (request.functions?.length ?? 0) > 0 ||
      request.messages.some(
        ({ role, tool_calls }) => role === "tool" || role === "function" || (tool_calls?.length ?? 0) > 0,
      ),
    jsonSchema: format === "json_schema",
    jsonObject: format === "json_object",
    logprobs: request.logprobs === true || (request.top_logprobs ?? 0) > 0,
    images: hasPart(request, ["image_url"]),
    audio: hasPart(request, ["input_audio"]) || request.modalities?.includes("audio") === true,
    multipleChoices: (request.n ?? 1) > 1,
    logitBias: Object.keys(request.logit_bias ?? {}).length > 0,
    penalties: (request.frequency_penalty ?? 0) !== 0 || (request.presence_penalty ?? 0) !== 0,
  };
}

const callsFunctions = ({ tools, functions }: Pick<ChatRequest, "tools" | "functions">): boolean =>
  (functions?.length ?? 0) > 0 && (tools?.length ?? 0) === 0;

/**
 * The caller's text without the order to keep the completion: nobody would find it at the provider, whose account is not the
 * caller's. OpenAI takes `metadata` for kept completions alone, so that goes with it.
 */
function withoutStore(text: string): string {
  return renameTopLevelField(renameTopLevelField(text, "store", null), "metadata", null);
}

/**
 * Reads a `POST /v1/chat/completions` body.
 *
 * @throws RouteletError `invalid_json`, `json_too_deep` or `invalid_type` (with `param` naming the field).
 */
export function parseChatCall(body: Uint8Array): Call {
  const { text, json } = readJsonObject(body, "`model` and `messages`");
  const request = readWith(chatRequest, json);
  const { stream_options } = request;
  let built: ModelRequest | null = null;
  const call: Call = {
    dialect: "openai-chat",
    requestedModel: request.model,
    stream: request.stream === true,
    wantsStreamUsage: stream_options?.include_usage === true,
    needs: needsOf(request),
    text,
    ...(callsFunctions(request) ? { callsFunctions: true } : {}),
    ...(request.store === true ? { ignoresStore: true } : {}),
    // The ledger needs the usage of every stream; `chat-stream.ts` drops the extra chunk again.
    passBody(model) {
      const own = request.store === true ? withoutStore(text) : text;
      const named = request.model === model ? own : setTopLevelField(own, "model", model);
      return call.stream && !call.wantsStreamUsage
        ? setTopLevelField(named, "stream_options", { ...stream_options, include_usage: true })
        : named;
    },
    request() {
      built ??= chatToRequest(json);
      return built;
    },
  };
  return call;
}

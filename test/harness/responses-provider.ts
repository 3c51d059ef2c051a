import { EVENT_STREAM } from "./chat-replies.ts";
import { FINAL_WORDS, PLAIN_WORDS } from "./scripted-model.ts";
import { type Reply, startUpstream, type Upstream, type UpstreamRequest } from "./upstream.ts";

type Json = Record<string, unknown>;

/** What the model thought, as only the provider can read it. */
export const THOUGHT = "gAAAA-encrypted-thought";

const json = (status: number, body: Json): Reply => ({
  status,
  headers: { "content-type": "application/json" },
  steps: [{ send: JSON.stringify(body) }],
});

const refusal = (status: number, param: string, message: string): Reply =>
  json(status, { error: { message, type: "invalid_request_error", param, code: null } });

/** What OpenAI refuses of a request that is not to be stored: whatever only its store could know. */
function refused({ store, previous_response_id, background, input }: Json): Reply | null {
  if (background !== undefined) return refusal(400, "background", "Background mode needs a stored response.");
  if (store !== false) return refusal(400, "store", "this provider stores nothing");
  if (previous_response_id !== undefined)
    return refusal(400, "previous_response_id", "Previous response cannot be used: nothing is stored.");
  for (const [at, item] of (Array.isArray(input) ? (input as Json[]) : []).entries()) {
    const stored = item.type === "item_reference" || (item.type === "reasoning" && !item.encrypted_content);
    if (stored) return refusal(404, "input", `Item with id '${item.id}' not found. Items are not persisted.`);
    if (item.type === "reasoning" && item.encrypted_content !== THOUGHT)
      return refusal(400, `input[${at}]`, "The encrypted content could not be verified.");
  }
  return null;
}

let made = 0;

/** Answers as that provider does. */
export function responsesProvider(request: UpstreamRequest): Reply {
  if (request.path !== "/v1/responses") return refusal(404, "", `no ${request.path}`);
  const body = JSON.parse(request.body.toString()) as Json;
  const no = refused(body);
  if (no !== null) return no;
  made += 1;
  const encrypted = (body.include as string[] | undefined)?.includes("reasoning.encrypted_content");
  const text = Array.isArray(body.input) && body.input.length > 1 ? FINAL_WORDS : PLAIN_WORDS;
  const reasoning = {
    id: `rs_up${made}`,
    type: "reasoning",
    summary: [],
    ...(encrypted ? { encrypted_content: THOUGHT } : {}),
  };
  const part = { type: "output_text", annotations: [], logprobs: [], text };
  const message = { id: `msg_up${made}`, type: "message", role: "assistant", status: "completed" };
  const response = {
    id: `resp_up${made}`,
    object: "response",
    created_at: 1,
    status: "completed",
    error: null,
    incomplete_details: null,
    model: body.model,
    output: [reasoning, { ...message, content: [part] }],
    parallel_tool_calls: true,
    previous_response_id: null,
    store: false,
    tool_choice: "auto",
    tools: [],
    usage: {
      input_tokens: 3,
      input_tokens_details: { cached_tokens: 0 },
      output_tokens: 2,
      output_tokens_details: { reasoning_tokens: 1 },
      total_tokens: 5,
    },
  };
  if (body.stream !== true) return json(200, response);
  const began = { ...response, status: "in_progress", output: [], usage: null };
  const within = { item_id: message.id, output_index: 1, content_index: 0 };
  const events: (Json & { type: string })[] = [
    { type: "response.created", response: began },
    { type: "response.in_progress", response: began },
    { type: "response.output_item.added", output_index: 0, item: reasoning },
    { type: "response.output_item.done", output_index: 0, item: reasoning },
    {
      type: "response.output_item.added",
      output_index: 1,
      item: { ...message, status: "in_progress", content: [] },
    },
    { type: "response.content_part.added", ...within, part: { ...part, text: "" } },
    { type: "response.output_text.delta", ...within, delta: text, logprobs: [] },
    { type: "response.output_text.done", ...within, text, logprobs: [] },
    { type: "response.content_part.done", ...within, part },
    { type: "response.output_item.done", output_index: 1, item: response.output[1] },
    { type: "response.completed", response },
  ];
  return {
    headers: EVENT_STREAM,
    steps: events.map((event, at) => ({
      send: `event: ${event.type}\ndata: ${JSON.stringify({ ...event, sequence_number: at })}\n\n`,
    })),
  };
}

/** OpenAI's `/v1/responses` as it is to who lets it store nothing: a model that thinks, and refuses what it cannot know. */
export function startResponsesProvider(): Promise<Upstream> {
  return startUpstream(responsesProvider);
}

import type { Json } from "../said.ts";
import { CREATED, MODEL, named, type Saying, USAGE } from "./saying.ts";

const ITEM = { id: "msg_upstream", type: "message", role: "assistant" };

function response(status: string, output: Json[], usage: Json | null): Json {
  return {
    id: "resp_upstream",
    object: "response",
    created_at: CREATED,
    status,
    background: false,
    error: null,
    incomplete_details: null,
    instructions: null,
    max_output_tokens: null,
    metadata: {},
    model: MODEL,
    output,
    parallel_tool_calls: true,
    previous_response_id: null,
    reasoning: { effort: null, summary: null },
    store: false,
    temperature: 1,
    text: { format: { type: "text" } },
    tool_choice: "auto",
    tools: [],
    top_p: 1,
    truncation: "disabled",
    usage,
    user: null,
  };
}

const part = (text: string): Json => ({ type: "output_text", text, annotations: [], logprobs: [] });

const finalOf = (saying: Saying): Json => {
  const item = { ...ITEM, status: "completed", content: [part((saying.text ?? []).join(""))] };
  return response("completed", [item], {
    input_tokens: USAGE.input,
    input_tokens_details: { cached_tokens: USAGE.cached },
    output_tokens: USAGE.output,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: USAGE.input + USAGE.output,
  });
};

/** OpenAI's own whole response; it says text alone. */
export const wholeResponse = (saying: Saying): Json => finalOf(saying);

/** The events of OpenAI's own stream of it. */
export function responseEvents(saying: Saying): string[] {
  const words = (saying.text ?? []).join("");
  const started = response("in_progress", [], null);
  const at = { output_index: 0 };
  const within = { item_id: ITEM.id, output_index: 0, content_index: 0 };
  const events: Json[] = [
    { type: "response.created", response: started },
    { type: "response.in_progress", response: started },
    { type: "response.output_item.added", ...at, item: { ...ITEM, status: "in_progress", content: [] } },
    { type: "response.content_part.added", ...within, part: part("") },
    ...(saying.text ?? []).map((delta) => ({
      type: "response.output_text.delta",
      ...within,
      delta,
      logprobs: [],
    })),
    { type: "response.output_text.done", ...within, text: words, logprobs: [] },
    { type: "response.content_part.done", ...within, part: part(words) },
    {
      type: "response.output_item.done",
      ...at,
      item: { ...ITEM, status: "completed", content: [part(words)] },
    },
    { type: "response.completed", response: finalOf(saying) },
  ];
  return events.map((event, sequence_number) => named({ ...event, sequence_number }));
}

import type { Said } from "../conversion/agreement.ts";
import { callOf, wordsOf } from "../conversion/said-of-correction.ts";
import type { Example } from "../datasets/example.ts";
import type { Json } from "../dialects/json.ts";
import type { ModelRequest } from "../dialects/model-request.ts";
import { parseChatCall } from "../dialects/openai-chat/parse.ts";

const INSTRUCTIONS = new Set(["system", "developer"]);

/** An example as turns of a conversation; what it called is answered, since a model must not wait for it. */
function turnsOf({ messages, answer }: Example): Json[] {
  if (answer === null) return [];
  const calls = Array.isArray(answer.tool_calls) ? (answer.tool_calls as Json[]) : [];
  return [
    ...messages.filter(({ role }) => !INSTRUCTIONS.has(String(role))),
    answer,
    ...calls.map(({ id }) => ({ role: "tool", tool_call_id: id, content: "done" })),
  ];
}

/** An item as a request to a model, with other items as turns between its instructions and its own. Null where it has no such form. */
export function evaluationRequest(example: Example, inContext: readonly Example[]): ModelRequest | null {
  const { messages, answer: _answer, ...rest } = example;
  const first = messages.findIndex(({ role }) => !INSTRUCTIONS.has(String(role)));
  const at = first === -1 ? messages.length : first;
  const body = {
    ...rest,
    model: "slm",
    messages: [...messages.slice(0, at), ...inContext.flatMap(turnsOf), ...messages.slice(at)],
  };
  try {
    return parseChatCall(new TextEncoder().encode(JSON.stringify(body))).request?.() ?? null;
  } catch {
    return null; // An item of an import may hold what no model takes.
  }
}

/** An item's answer, as answers are compared; null where it has none. */
export function saidOf({ answer }: Example): Said | null {
  if (answer === null) return null;
  const { content, refusal, tool_calls } = answer;
  return {
    text: wordsOf(content),
    refusal: typeof refusal === "string" ? refusal : null,
    calls: Array.isArray(tool_calls) ? tool_calls.flatMap((call) => callOf(call) ?? []) : [],
    finish: "complete",
  };
}

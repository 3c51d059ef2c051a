import type { Said } from "../conversion/agreement.ts";
import type { Example } from "../datasets/example.ts";
import { isObject, type Json } from "../dialects/json.ts";
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
  const calls = Array.isArray(tool_calls) ? tool_calls : [];
  return {
    text: textOf(content),
    refusal: typeof refusal === "string" ? refusal : null,
    calls: calls.flatMap((call: unknown) => {
      const made = isObject(call) && isObject(call.function) ? call.function : null;
      return made === null ? [] : [{ name: String(made.name), arguments: String(made.arguments) }];
    }),
    finish: "complete",
  };
}

function textOf(content: unknown): string {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return "";
  return content
    .flatMap((part: unknown) => (isObject(part) && typeof part.text === "string" ? part.text : []))
    .join("");
}

import type { RenderContext, WholeReply } from "../dialect.ts";
import { isObject, isText, type Json } from "../json.ts";
import { setTopLevelField } from "../json-splice.ts";
import { emptyFacts } from "../reply.ts";
import { errorOf } from "./error-in-band.ts";
import { mendFinishReason } from "./finish-reasons.ts";
import { chunkIdOf, toolCallIdOf } from "./ids.ts";
import { withTextContent } from "./said.ts";
import { argumentsText } from "./tool-call-repair.ts";
import { readUsage } from "./usage.ts";

const DECODER = new TextDecoder();
const ENCODER = new TextEncoder();

/** A tool call as it should have been: with an id of its own, its type, and its arguments as text (wire traps 11 and 12). */
function mendCall(call: Json, makeId: () => string, given: Set<string>): Json {
  const details = isObject(call.function) ? call.function : null;
  if (details === null) return call;
  const text = argumentsText(details.arguments) || "{}";
  const id = isText(call.id) && !given.has(call.id) ? call.id : makeId();
  given.add(id);
  if (call.id === id && call.type === "function" && details.arguments === text) return call;
  return { ...call, id, type: "function", function: { ...details, arguments: text } };
}

/** A reply has one choice at least, and each of them a message. */
export function areChoices(value: unknown): value is (Json & { message: Json })[] {
  return (
    Array.isArray(value) &&
    value.length > 0 &&
    value.every((choice) => isObject(choice) && isObject(choice.message))
  );
}

/** A choice with its index, whole tool calls, and a reason for its end that OpenAI has (wire trap 16). */
function mendChoice(choice: Json, at: number, callId: string): Json {
  const came = isObject(choice.message) ? choice.message : {};
  const message = withTextContent(came);
  const calls = Array.isArray(message.tool_calls) ? message.tool_calls.filter(isObject) : [];
  const ids = new Set<string>();
  const mended = calls.map((call, index) => mendCall(call, () => toolCallIdOf(callId, at, index), ids));
  const callsRight = mended.every((call, index) => call === calls[index]);
  const function_call = message.function_call == null ? null : "function";
  const called = calls.length > 0 ? "tools" : function_call;
  const word = isText(choice.finish_reason) ? choice.finish_reason : "stop";
  const reason = mendFinishReason(word, called);
  const index = typeof choice.index === "number" ? choice.index : at;
  if (callsRight && message === came && choice.finish_reason === reason && choice.index === index)
    return choice;
  const said = callsRight ? message : { ...message, tool_calls: mended };
  return { ...choice, index, message: said, finish_reason: reason };
}

/** Reads a whole OpenAI chat reply for a client of the same dialect: its bytes, unless something in it is broken. */
export function passWholeChat(body: Uint8Array, context: RenderContext): WholeReply {
  const facts = { ...emptyFacts(), committed: true, complete: true, terminated: true };
  const text = DECODER.decode(body);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    json = null;
  }
  if (!isObject(json)) return { body, facts: { ...facts, malformedEvents: 1 } };
  // An error in another form than OpenAI's is nothing that its clients read, and no reply either.
  const foreign = json.object === "error" && json.error == null;
  facts.inBandError = foreign ? null : errorOf(json);
  if (facts.inBandError !== null) return { body, facts };
  const { choices, id, model } = json;
  if (!areChoices(choices)) return { body, facts: { ...facts, malformedEvents: 1 } };
  facts.id = isText(id) ? id : null;
  facts.model = isText(model) ? model : null;
  facts.usage = readUsage(json.usage);
  facts.finishReasons = choices.flatMap(({ finish_reason }) =>
    typeof finish_reason === "string" ? finish_reason : [],
  );
  const mended = choices.map((choice, at) => mendChoice(choice, at, context.callId));
  let out = text;
  if (mended.some((choice, at) => choice !== choices[at])) out = setTopLevelField(out, "choices", mended);
  if (!isText(id)) out = setTopLevelField(out, "id", chunkIdOf(context.callId));
  if (context.renameModel !== null) out = setTopLevelField(out, "model", context.renameModel);
  return { body: out === text ? body : ENCODER.encode(out), facts };
}

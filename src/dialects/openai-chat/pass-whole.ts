import type { RenderContext, WholeReply } from "../dialect.ts";
import { setTopLevelField } from "../json-splice.ts";
import { emptyFacts } from "../reply.ts";
import { errorInBand } from "./chunk.ts";
import { toolCallIdOf } from "./ids.ts";
import { readUsage } from "./usage.ts";

const DECODER = new TextDecoder();
const ENCODER = new TextEncoder();

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

type Json = Record<string, unknown>;

/** A tool call as it should have been: with an id, its type, and its arguments as text (wire traps 11 and 12). */
function mendCall(call: Json, id: string): Json {
  const details = isObject(call.function) ? call.function : null;
  if (details === null) return call;
  const given = details.arguments;
  const text = typeof given === "string" ? given || "{}" : given == null ? "{}" : JSON.stringify(given);
  const hasId = typeof call.id === "string" && call.id !== "";
  if (hasId && call.type === "function" && given === text) return call;
  return {
    ...call,
    id: hasId ? call.id : id,
    type: "function",
    function: { ...details, arguments: text },
  };
}

/** A choice whose tool calls are whole and whose end says that there are some (wire trap 16). */
function mendChoice(choice: Json, makeId: (index: number) => string): Json {
  const message = isObject(choice.message) ? choice.message : null;
  const calls = message !== null && Array.isArray(message.tool_calls) ? message.tool_calls : [];
  if (calls.length === 0 || !calls.every(isObject)) return choice;
  const mended = calls.map((call, index) => mendCall(call, makeId(index)));
  const right = mended.every((call, at) => call === calls[at]);
  if (right && choice.finish_reason !== "stop") return choice;
  return {
    ...choice,
    message: { ...message, tool_calls: mended },
    finish_reason: choice.finish_reason === "stop" ? "tool_calls" : choice.finish_reason,
  };
}

/** Reads a whole OpenAI chat reply for a client of the same dialect: its bytes, unless something in it is broken. */
export function passWholeChat(body: Uint8Array, context: RenderContext): WholeReply {
  const facts = { ...emptyFacts(), committed: true, complete: true, terminated: true };
  const text = DECODER.decode(body);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return { body, facts: { ...facts, malformedEvents: 1 } };
  }
  if (!isObject(json)) return { body, facts: { ...facts, malformedEvents: 1 } };
  facts.inBandError = errorInBand(json.error);
  const choices = json.choices;
  if (!Array.isArray(choices) || !choices.every(isObject))
    return { body, facts: { ...facts, malformedEvents: facts.inBandError === null ? 1 : 0 } };
  facts.id = typeof json.id === "string" ? json.id : null;
  facts.model = typeof json.model === "string" ? json.model : null;
  facts.usage = readUsage(json.usage);
  const mended = choices.map((choice, at) =>
    mendChoice(choice, (index) => toolCallIdOf(context.callId, at, index)),
  );
  facts.finishReasons = mended.flatMap(({ finish_reason }) =>
    typeof finish_reason === "string" ? finish_reason : [],
  );
  if (mended.some((choice, at) => choice !== choices[at])) {
    const model = context.renameModel ?? json.model;
    return { body: ENCODER.encode(JSON.stringify({ ...json, model, choices: mended })), facts };
  }
  if (context.renameModel !== null && facts.model !== null)
    return { body: ENCODER.encode(setTopLevelField(text, "model", context.renameModel)), facts };
  return { body, facts };
}

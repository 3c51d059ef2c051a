import type { RenderContext, ReplyStream, WholeReply } from "../dialect.ts";
import { isObject, isText, type Json, parseObject } from "../json.ts";
import { setTopLevelField } from "../json-splice.ts";
import { streamErrorEvent } from "../openai-chat/error.ts";
import { errorOf } from "../openai-chat/error-in-band.ts";
import { readUsage } from "../openai-chat/usage.ts";
import { emptyFacts } from "../reply.ts";
import { completionIdOf, isTextChoice, mendChoice, reasonOf } from "./mend-choice.ts";

const ENCODER = new TextEncoder();
const DECODER = new TextDecoder();

/** Reads a whole completion, or an error: its bytes, unless something in it is broken. */
export function passWholeCompletion(body: Uint8Array, context: RenderContext): WholeReply {
  const facts = { ...emptyFacts(), committed: true, complete: true, terminated: true };
  const text = DECODER.decode(body);
  const json = parseObject(text);
  const broken = (): WholeReply => ({ body, facts: { ...facts, malformedEvents: 1 } });
  if (json === null) return broken();
  // An error in another form than OpenAI's is nothing that its clients read, and no reply either.
  facts.inBandError = json.object === "error" && json.error == null ? null : errorOf(json);
  if (facts.inBandError !== null) return { body, facts };
  const { choices, id, model } = json;
  if (!Array.isArray(choices) || !choices.every((choice) => isObject(choice) && isTextChoice(choice)))
    return broken();
  facts.id = isText(id) ? id : null;
  facts.model = isText(model) ? model : null;
  facts.usage = readUsage(json.usage);
  facts.finishReasons = choices.flatMap(({ finish_reason }) => (isText(finish_reason) ? finish_reason : []));
  const mended = choices.map((choice, at) => mendChoice(choice, { at, reason: reasonOf(choice) ?? "stop" }));
  let out = text;
  if (mended.some((choice, at) => choice !== choices[at])) out = setTopLevelField(out, "choices", mended);
  if (!isText(id)) out = setTopLevelField(out, "id", completionIdOf(context.callId));
  if (context.renameModel !== null) out = setTopLevelField(out, "model", context.renameModel);
  return { body: out === text ? body : ENCODER.encode(out), facts };
}

/** The stream that a whole completion makes, for a backend that does not stream: all of it at once. */
export function streamWholeCompletion({ body, facts }: WholeReply, context: RenderContext): ReplyStream {
  const { choices, usage, ...head } = parseObject(DECODER.decode(body)) ?? {};
  const chunks: Json[] = [{ ...head, choices }];
  if (context.call.wantsStreamUsage && usage != null) chunks.push({ ...head, choices: [], usage });
  let text = chunks.map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`).join("");
  const take = (): Uint8Array[] => {
    const pieces = text === "" ? [] : [ENCODER.encode(text)];
    text = "";
    return pieces;
  };
  return {
    facts,
    push: take,
    flush: take,
    end: () => [ENCODER.encode("data: [DONE]\n\n")],
    fail: (error) => [streamErrorEvent(error)],
  };
}

import type { RenderContext, WholeReply } from "../dialect.ts";
import { isObject, parseJson } from "../json.ts";
import { setTopLevelField } from "../json-splice.ts";
import { emptyFacts } from "../reply.ts";
import { errorInBand } from "./error.ts";
import { mendToolUse } from "./mend-block.ts";
import { mendStopReason } from "./stop-reasons.ts";
import { readUsage } from "./usage.ts";
import { textOf, textOrNull } from "./wire.ts";

/** A whole reply, or a refusal's body, of a backend that speaks Anthropic's dialect itself: passed as it came but for what breaks the SDKs (wire traps 11, 12, 16), read on the side. */
export function passWholeMessage(body: Uint8Array, context: RenderContext): WholeReply {
  const facts = { ...emptyFacts(), committed: true, complete: true, terminated: true };
  const text = new TextDecoder().decode(body);
  const json = parseJson(text);
  facts.inBandError = errorInBand(json);
  if (facts.inBandError !== null) return { body, facts };
  if (!isObject(json) || !Array.isArray(json.content)) {
    facts.malformedEvents = 1;
    return { body, facts };
  }
  facts.id = textOrNull(json.id);
  facts.model = textOrNull(json.model);
  facts.usage = readUsage(json.usage);
  const { renameModel } = context;
  const changes: Record<string, unknown> = {};
  if (renameModel !== null && json.model !== renameModel) changes.model = renameModel;
  const blocks = json.content.map(
    (block, at) => mendToolUse(block, () => `toolu_${context.callId}_${at}`) ?? block,
  );
  if (blocks.some((block, at) => block !== (json.content as unknown[])[at])) changes.content = blocks;
  const hasTools = blocks.some((block) => isObject(block) && block.type === "tool_use");
  const said = textOf(json.stop_reason);
  const reason = mendStopReason(said === "" ? "end_turn" : said, hasTools);
  facts.finishReasons = [reason];
  if (reason !== said) changes.stop_reason = reason;
  if (!isObject(json.usage))
    changes.usage = { input_tokens: Math.max(1, context.estimatedInputTokens), output_tokens: 0 };
  const mended = Object.entries(changes).reduce(
    (now, [name, value]) => setTopLevelField(now, name, value),
    text,
  );
  return { body: mended === text ? body : new TextEncoder().encode(mended), facts };
}

import type { RenderContext, WholeReply } from "../dialect.ts";
import { isObject, parseJson } from "../json.ts";
import { setTopLevelField } from "../json-splice.ts";
import { emptyFacts } from "../reply.ts";
import { errorInBand } from "./error.ts";
import { readUsage } from "./usage.ts";
import { textOf, textOrNull } from "./wire.ts";

/** A whole reply, or a refusal's body, of a backend that speaks Anthropic's dialect itself: passed as it came, read on the side. */
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
  if (textOf(json.stop_reason) !== "") facts.finishReasons = [textOf(json.stop_reason)];
  const { renameModel } = context;
  if (renameModel === null || json.model === renameModel) return { body, facts };
  return { body: new TextEncoder().encode(setTopLevelField(text, "model", renameModel)), facts };
}

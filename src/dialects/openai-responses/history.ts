import type { Call } from "../call.ts";
import type { Json } from "../json.ts";
import { renameTopLevelField, setTopLevelField } from "../json-splice.ts";
import { readWith } from "../read-json.ts";
import { responsesCall } from "./parse.ts";
import { isOwnReasoning } from "./reasoning-token.ts";
import { referenceOf, responsesRequest } from "./request-schema.ts";

/** The input of a call as items, in the order in which they were given. */
export function inputItems(text: string): Json[] {
  const { input } = JSON.parse(text) as { input?: string | Json[] };
  if (typeof input === "string") return [{ type: "message", role: "user", content: input }];
  return input ?? [];
}

/**
 * Whether an item of the past can be said again. What a provider thought and did not encrypt stands in its own store
 * alone, and it would refuse the item's id.
 */
function canBeSaid(item: Json): boolean {
  if (item.type !== "reasoning" || isOwnReasoning(item)) return true;
  return item.encrypted_content != null || (Array.isArray(item.content) && item.content.length > 0);
}

/** The items, with those in place that stood there by their ids; what is not among `kept` stays as it is. */
export function resolveReferences(items: readonly Json[], kept: ReadonlyMap<string, Json>): Json[] {
  return items.flatMap((item) => {
    const found = kept.get(referenceOf(item) ?? "");
    if (found === undefined) return [item];
    return canBeSaid(found) ? [found] : [];
  });
}

/**
 * A call whose input is these items, with what was said before them in front. `previous_response_id` is taken out:
 * whoever answers sees the whole conversation. Instructions are not inherited (OpenAI API reference,
 * "previous_response_id").
 */
export function withHistory(call: Call, history: readonly Json[], own: readonly Json[]): Call {
  const spliced = setTopLevelField(call.text, "input", [...history.filter(canBeSaid), ...own]);
  const text = renameTopLevelField(spliced, "previous_response_id", null);
  const json = JSON.parse(text) as Json;
  const joined = responsesCall(text, json, readWith(responsesRequest, json));
  return { ...joined, previousResponseId: call.previousResponseId ?? null, store: call.store };
}

/** The items of a response, as input of the next. */
export function outputItems(response: Json): Json[] {
  return Array.isArray(response.output) ? (response.output as Json[]) : [];
}

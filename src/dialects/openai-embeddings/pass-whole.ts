import type { RenderContext, WholeReply } from "../dialect.ts";
import { isObject, type Json, parseObject } from "../json.ts";
import { setTopLevelField } from "../json-splice.ts";
import { errorOf } from "../openai-chat/error-in-band.ts";
import { readUsage } from "../openai-chat/usage.ts";
import { emptyFacts } from "../reply.ts";
import { vectorAs } from "./vector.ts";

const ENCODER = new TextEncoder();

/** A vector's entry as it should have been; null when it has no vector. */
function mendEntry(entry: unknown, at: number, format: "float" | "base64"): Json | null {
  if (!isObject(entry)) return null;
  const embedding = vectorAs(format, entry.embedding);
  if (embedding === null) return null;
  const index = typeof entry.index === "number" ? entry.index : at;
  if (embedding === entry.embedding && index === entry.index) return entry;
  return { ...entry, object: "embedding", index, embedding };
}

/**
 * Reads a reply of vectors, or an error, of a backend that speaks the dialect. Its bytes pass, unless the vectors are not in
 * the encoding that was asked for: SDKs ask for base64 by themselves, many servers ignore that, and an SDK that decodes
 * floats as base64 gives wrong vectors without a word. A reply with other than one vector for each input is none.
 */
export function passWholeEmbeddings(body: Uint8Array, context: RenderContext): WholeReply {
  const facts = { ...emptyFacts(), committed: true, complete: true, terminated: true };
  const text = new TextDecoder().decode(body);
  const json = parseObject(text);
  const broken = (): WholeReply => ({ body, facts: { ...facts, malformedEvents: 1 } });
  if (json === null) return broken();
  // An error in another form than OpenAI's is nothing that its clients read, and no reply either.
  facts.inBandError = json.object === "error" && json.error == null ? null : errorOf(json);
  if (facts.inBandError !== null) return { body, facts };
  const { data, model } = json;
  const { format, count } = context.call.vectors ?? { format: "float", count: null };
  if (!Array.isArray(data) || (count !== null && data.length !== count)) return broken();
  const mended = data.flatMap((entry, at) => mendEntry(entry, at, format) ?? []);
  if (mended.length !== data.length) return broken();
  facts.model = typeof model === "string" && model !== "" ? model : null;
  facts.usage = readUsage(json.usage);
  let out = text;
  if (mended.some((entry, at) => entry !== data[at])) out = setTopLevelField(out, "data", mended);
  if (context.renameModel !== null) out = setTopLevelField(out, "model", context.renameModel);
  return { body: out === text ? body : ENCODER.encode(out), facts };
}

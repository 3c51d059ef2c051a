import type { ServedModel } from "../../tunnel/protocol/messages.ts";
import { type Fingerprint, servingFingerprint } from "./fingerprint.ts";

/** A fleet serves a few models: beyond this a client of the daemon's names is making them up. */
const MOST_KEPT = 1_000;
const kept = new Map<string, Fingerprint>();

/**
 * What decides this model's answers on a node whose daemon has this version; hashed once per isolate, so that it may be asked
 * for at every call. A file without a known hash, as an attached engine's, is as good as its name, which is all that is known of it.
 */
export async function servedFingerprint(options: {
  version: string;
  model: Pick<ServedModel, "id" | "engine" | "fileSha256">;
}): Promise<Fingerprint> {
  const { version, model } = options;
  const weights = model.fileSha256 ?? `named ${model.id}`;
  const name = JSON.stringify([weights, model.engine, version]);
  const known = kept.get(name);
  if (known !== undefined) return known;
  const found = await servingFingerprint({
    weights,
    adapter: null,
    // The template is in the weights' file, and what is sent is the caller's.
    template: "of the weights",
    engine: { name: model.engine, version },
    sampling: { as: "asked" },
    examples: [],
  });
  if (kept.size >= MOST_KEPT) kept.clear();
  kept.set(name, found);
  return found;
}

import { createHash } from "node:crypto";
import type { ServedModel } from "../../../../src/tunnel/protocol/messages.ts";
import type { Adapter } from "../../models/adapter.ts";

/** What agents ask for to get a base with an adapter. */
export function adaptedId(baseId: string, name: string): string {
  return `${baseId}+${name}`;
}

/** Names a model's weights: its file's SHA-256, and with an adapter a hash of both. */
export function weightsOf(baseSha256: string, adapter: Adapter | null): string {
  if (adapter === null) return baseSha256;
  return createHash("sha256").update(`${baseSha256}+${adapter.sha256}`).digest("hex");
}

/** A model, and the same with each of its adapters, which are models of their own to whoever asks. */
export function withAdapters(base: ServedModel, adapters: readonly Adapter[]): ServedModel[] {
  const adapted = adapters.map((adapter) => ({
    ...base,
    id: adaptedId(base.id, adapter.name),
    adapterOf: base.id,
    fileSha256: base.fileSha256 === null ? null : weightsOf(base.fileSha256, adapter),
  }));
  return [base, ...adapted];
}

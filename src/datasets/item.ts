import type { DatasetItemRow } from "../db/schema.ts";
import type { Env } from "../env.ts";
import { secretsOf } from "../security/derive.ts";
import { type DecryptFailure, decryptBody, encryptBody } from "../security/encryption.ts";
import type { Example } from "./example.ts";

type SecretEnv = Pick<Env, "ROUTELET_SECRET" | "ROUTELET_SECRET_PREVIOUS">;

/** An item as it is stored, its content encrypted. */
export type SealedItem = Omit<DatasetItemRow, "datasetId" | "projectId">;

/** What is known of an item without opening it. */
export type ItemFacts = Pick<SealedItem, "itemId" | "side" | "nodesOnly" | "exportable">;

/** D1's rows take 2 MB. Bytes of ciphertext. */
export const MAX_ITEM_BYTES = 1_900_000;

const place = (projectId: string, datasetId: string, itemId: string) => ({
  projectId,
  rowId: `${datasetId} ${itemId}`,
  column: "dataset_item",
});

/** Compresses and encrypts an item for its project, data set and place in it. */
export async function sealItem(options: {
  env: SecretEnv;
  projectId: string;
  datasetId: string;
  facts: ItemFacts;
  example: Example;
}): Promise<SealedItem> {
  const { env, projectId, datasetId, facts, example } = options;
  const { keyId, iv, ciphertext, compression } = await encryptBody({
    secrets: secretsOf(env),
    place: place(projectId, datasetId, facts.itemId),
    plaintext: new TextEncoder().encode(JSON.stringify(example)),
  });
  return { ...facts, secretId: keyId, iv, ciphertext, compression };
}

/** Opens what `sealItem` made. */
export async function openItem(
  env: SecretEnv,
  row: DatasetItemRow,
): Promise<{ example: Example } | { failed: DecryptFailure }> {
  const { secretId: keyId, iv, ciphertext, compression } = row;
  const opened = await decryptBody({
    secrets: secretsOf(env),
    place: place(row.projectId, row.datasetId, row.itemId),
    body: { keyId, iv: new Uint8Array(iv), ciphertext: new Uint8Array(ciphertext), compression },
  });
  if (!opened.ok) return { failed: opened.reason };
  return { example: JSON.parse(new TextDecoder().decode(opened.plaintext)) as Example };
}

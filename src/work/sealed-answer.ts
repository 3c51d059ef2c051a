import type { Said } from "../conversion/agreement.ts";
import type { Env } from "../env.ts";
import { secretsOf } from "../security/derive.ts";
import { decryptBody, type EncryptedBody, encryptBody } from "../security/encryption.ts";

interface Place {
  env: Pick<Env, "ROUTELET_SECRET" | "ROUTELET_SECRET_PREVIOUS">;
  projectId: string;
  callId: string;
}

/** A row of the object's database takes 2 MB; what is longer is not kept. Characters of JSON. */
const MOST_CHARACTERS = 1_000_000;

const placeOf = ({ projectId, callId }: Place) => ({ projectId, rowId: callId, column: "unseen" });

/** An answer that nobody was given, as it is kept: encrypted like every content. Null for one that is too long to keep. */
export async function sealAnswer(options: Place & { answer: Said }): Promise<EncryptedBody | null> {
  const { text, refusal, calls, finish } = options.answer;
  const json = JSON.stringify({ text, refusal, calls, finish });
  if (json.length > MOST_CHARACTERS) return null;
  return encryptBody({
    secrets: secretsOf(options.env),
    place: placeOf(options),
    plaintext: new TextEncoder().encode(json),
  });
}

/** Opens what `sealAnswer` sealed; null where its secret is set no more. */
export async function openAnswer(options: Place & { sealed: EncryptedBody }): Promise<Said | null> {
  const opened = await decryptBody({
    secrets: secretsOf(options.env),
    place: placeOf(options),
    body: options.sealed,
  });
  return opened.ok ? (JSON.parse(new TextDecoder().decode(opened.plaintext)) as Said) : null;
}

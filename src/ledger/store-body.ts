import type { Env } from "../env.ts";
import { secretsOf } from "../security/derive.ts";
import { type DecryptFailure, decryptBody, encryptBody } from "../security/encryption.ts";
import type { StoredBody } from "./records.ts";

type SecretEnv = Pick<Env, "ROUTELET_SECRET" | "ROUTELET_SECRET_PREVIOUS">;

/** A call's content as it leaves the isolate: compressed and encrypted for its project, call and part. */
export async function storeBody(options: {
  env: SecretEnv;
  callId: string;
  projectId: string;
  part: StoredBody["part"];
  /** What is kept, cut to the settings' limit. */
  bytes: Uint8Array;
  /** How long it was before it was cut. */
  originalBytes: number;
}): Promise<StoredBody> {
  const { env, callId, projectId, part, bytes, originalBytes } = options;
  const place = { projectId, rowId: callId, column: part };
  const body = await encryptBody({ secrets: secretsOf(env), place, plaintext: bytes });
  return { part, body, originalBytes, truncated: bytes.byteLength < originalBytes };
}

/** Opens what `storeBody` stored. */
export function openBody(options: {
  env: SecretEnv;
  callId: string;
  projectId: string;
  stored: StoredBody;
}): Promise<{ ok: true; plaintext: Uint8Array } | { ok: false; reason: DecryptFailure }> {
  const { env, callId, projectId, stored } = options;
  const place = { projectId, rowId: callId, column: stored.part };
  return decryptBody({ secrets: secretsOf(env), place, body: stored.body });
}

import type { Env } from "../../env.ts";
import type { Kept } from "../../ledger/kept-log.ts";
import type { Caller } from "../../security/caller.ts";
import { secretsOf } from "../../security/derive.ts";
import { decryptBody, encryptBody } from "../../security/encryption.ts";

/** A call that goes on without its client: all that it takes to make it, but for the caller's key. */
export interface BackgroundJob {
  /** The id of its call, as the client was told. */
  callId: string;
  caller: Caller;
  /** When it was asked for, milliseconds since the epoch. */
  startedAt: number;
  /** The request's own, without credentials. */
  headers: [string, string][];
  body: string;
}

type SecretEnv = Pick<Env, "ROUTELET_SECRET" | "ROUTELET_SECRET_PREVIOUS">;

const COLUMN = "background";

/** Headers that say who asks: that is known already, and kept without the key. */
const CREDENTIALS = /^(authorization|x-api-key|cookie|content-length|content-encoding)$/;

/** What of a request's headers goes along with its job. */
export function jobHeaders(headers: Headers): [string, string][] {
  return [...headers].filter(([name]) => !CREDENTIALS.test(name));
}

/** A job as it is kept until it has ended, encrypted; `id` is its response's. */
export async function sealJob(options: { env: SecretEnv; id: string; job: BackgroundJob }): Promise<Kept> {
  const { env, id, job } = options;
  const { projectId } = job.caller;
  const body = await encryptBody({
    secrets: secretsOf(env),
    place: { projectId, rowId: id, column: COLUMN },
    plaintext: new TextEncoder().encode(JSON.stringify(job)),
  });
  return {
    id,
    projectId,
    previousId: null,
    createdAt: job.startedAt,
    expiresAt: Number.MAX_SAFE_INTEGER,
    ...body,
  };
}

/** Null for what its secret does not open any more. */
export async function openJob(env: SecretEnv, kept: Kept): Promise<BackgroundJob | null> {
  const { id, projectId, ciphertext, iv, keyId, compression } = kept;
  const opened = await decryptBody({
    secrets: secretsOf(env),
    place: { projectId, rowId: id, column: COLUMN },
    body: { ciphertext, iv, keyId, compression },
  });
  return opened.ok ? (JSON.parse(new TextDecoder().decode(opened.plaintext)) as BackgroundJob) : null;
}

import { redactBody } from "../conversion/privacy/redact-body.ts";
import type { Surrogates } from "../conversion/privacy/surrogates.ts";
import type { Env } from "../env.ts";
import type { OpenContent } from "../ledger/finish-queue.ts";
import type { StoredBody } from "../ledger/records.ts";
import { storeBody } from "../ledger/store-body.ts";
import { surrogatesFor } from "../security/project-surrogates.ts";

/** A body as it came, as far as it is kept. */
export interface Body {
  part: StoredBody["part"];
  bytes: Uint8Array;
  /** How long it was before it was cut. */
  originalBytes: number;
  /** All of it is here: it was not cut, and not broken off. */
  whole: boolean;
}

/** A body without private values, and no longer than the settings allow. */
function redacted(body: Body, by: Surrogates, most: number): Body {
  const { bytes, originalBytes, whole } = body;
  // A character that was cut in two is left out; other bytes that are no text are not kept: nobody could look into them.
  const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(bytes, { stream: !whole });
  const without = new TextEncoder().encode(redactBody(text, { by, whole }));
  const isCut = bytes.length < originalBytes || without.length > most;
  return {
    ...body,
    bytes: without.subarray(0, most),
    originalBytes: isCut ? Math.max(originalBytes, without.length) : without.length,
  };
}

/** The content of a call as it is kept: taken now; redacted, compressed and encrypted when it is sent. */
export function keptContent(options: {
  env: Env;
  callId: string;
  projectId: string;
  bodies: readonly Body[];
  redact: boolean;
  /** Bytes kept of each body. */
  most: number;
}): OpenContent | undefined {
  const { env, callId, projectId, bodies, most } = options;
  if (bodies.length === 0) return undefined;
  return {
    bytes: bodies.reduce((sum, { bytes }) => sum + bytes.length, 0),
    async seal() {
      const by = options.redact ? await surrogatesFor(env, projectId) : null;
      return Promise.all(
        bodies
          .map((body) => (by === null ? body : redacted(body, by, most)))
          .map(({ part, bytes, originalBytes }) =>
            storeBody({ env, callId, projectId, part, bytes, originalBytes }),
          ),
      );
    },
  };
}

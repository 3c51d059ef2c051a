import { z } from "zod";
import { verify } from "../security/ed25519.ts";
import { CONNECT_HEADERS, type ConnectClaim, connectTranscript } from "./protocol/transcripts.ts";
import type { Registration, RegistrationStore } from "./registration.ts";

const claimSchema = z.object({
  nonce: z.string().min(1).max(64),
  nodeNonce: z.string().min(16).max(64),
  signature: z.string().length(86),
  generation: z.coerce.number().int().min(1).max(Number.MAX_SAFE_INTEGER),
});

export type ConnectCheck =
  | { ok: true; claim: ConnectClaim }
  /** For the operator's log; the caller sees the same bare 401 for each. */
  | {
      ok: false;
      reason: "malformed" | "unknown_node" | "revoked" | "bad_nonce" | "stale_generation" | "bad_signature";
    };

/** Checks the credential of an upgrade request before the upgrade. The nonce is used up even when the rest is wrong. */
export async function checkConnect(options: {
  request: Request;
  nodeId: string;
  store: RegistrationStore;
  now: number;
}): Promise<ConnectCheck> {
  const { request, store, nodeId } = options;
  const parsed = claimSchema.safeParse({
    nonce: request.headers.get(CONNECT_HEADERS.nonce),
    nodeNonce: request.headers.get(CONNECT_HEADERS.nodeNonce),
    signature: request.headers.get(CONNECT_HEADERS.signature),
    generation: request.headers.get(CONNECT_HEADERS.generation),
  });
  if (!parsed.success) return { ok: false, reason: "malformed" };
  const { signature, ...presented } = parsed.data;
  const registration = store.get();
  if (registration === null || registration.nodeId !== nodeId) return { ok: false, reason: "unknown_node" };
  if (!store.takeNonce(presented.nonce, options.now)) return { ok: false, reason: "bad_nonce" };
  const claim: ConnectClaim = { ...presented, nodeId, host: new URL(request.url).host };
  const message = connectTranscript(claim);
  if (!(await verify({ publicKey: registration.publicKey, signature, message }))) {
    return { ok: false, reason: "bad_signature" };
  }
  // Read again: another connection, or a revocation, may have come while the signature was verified.
  const reason = outdated(store.get(), claim);
  return reason === null ? { ok: true, claim } : { ok: false, reason };
}

function outdated(
  registration: Registration | null,
  claim: ConnectClaim,
): "revoked" | "stale_generation" | null {
  if (registration === null || registration.revoked) return "revoked";
  return claim.generation === registration.generation + 1 ? null : "stale_generation";
}

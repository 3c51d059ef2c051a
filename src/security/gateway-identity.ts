import { rotationTranscript } from "../tunnel/protocol/transcripts.ts";
import { keyPairFromSeed, type SigningKeyPair, sign } from "./ed25519.ts";

/** Who the gateway is to its nodes. Derived from the deployment's secret, so nothing has to be stored. */
export interface GatewayIdentity extends SigningKeyPair {
  /** The previous key, vouching for this one: a node that pinned the old key follows the rotation. */
  rotation: { previousKey: string; signature: string } | null;
}

const INFO = "routelet/gateway-identity/v1";

/** Deriving costs about a millisecond; the values (not promises, which belong to one request) are kept per isolate. */
const derived = new Map<string, GatewayIdentity>();

export interface GatewaySecrets {
  ROUTELET_SECRET: string;
  ROUTELET_SECRET_PREVIOUS?: string;
}

/** @throws TypeError when `ROUTELET_SECRET` is missing or shorter than 32 characters. */
export async function gatewayIdentity(secrets: GatewaySecrets): Promise<GatewayIdentity> {
  const cacheKey = JSON.stringify([secrets.ROUTELET_SECRET, secrets.ROUTELET_SECRET_PREVIOUS]);
  const known = derived.get(cacheKey);
  if (known !== undefined) return known;
  const pair = await derivePair(secrets.ROUTELET_SECRET);
  const identity: GatewayIdentity = { ...pair, rotation: null };
  if (secrets.ROUTELET_SECRET_PREVIOUS) {
    const previous = await derivePair(secrets.ROUTELET_SECRET_PREVIOUS);
    const signature = await sign(previous.privateKey, rotationTranscript(pair.publicKey));
    identity.rotation = { previousKey: previous.publicKey, signature };
  }
  derived.set(cacheKey, identity);
  return identity;
}

/** HKDF-SHA-256 (RFC 5869) of the secret gives the Ed25519 seed. */
async function derivePair(secret: string): Promise<SigningKeyPair> {
  if (typeof secret !== "string" || secret.length < 32) {
    throw new TypeError("ROUTELET_SECRET must have at least 32 characters.");
  }
  const encoder = new TextEncoder();
  const material = await crypto.subtle.importKey("raw", encoder.encode(secret), "HKDF", false, [
    "deriveBits",
  ]);
  const seed = await crypto.subtle.deriveBits(
    { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(0), info: encoder.encode(INFO) },
    material,
    256,
  );
  return keyPairFromSeed(new Uint8Array(seed));
}

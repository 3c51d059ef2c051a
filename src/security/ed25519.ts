import { fromBase64Url, toBase64Url } from "./base64url.ts";

/** DER prefix of a PKCS#8 Ed25519 private key; the 32-byte seed follows (RFC 8410 section 7). */
const PKCS8_PREFIX = Uint8Array.of(48, 46, 2, 1, 0, 48, 5, 6, 3, 43, 101, 112, 4, 34, 4, 32);
const SEED_BYTES = 32;

type SigningKey = Awaited<ReturnType<typeof importPrivate>>;

export interface SigningKeyPair {
  privateKey: SigningKey;
  /** Raw, base64url: 43 characters. */
  publicKey: string;
}

/** The key pair of a 32-byte seed: the same seed gives the same pair, in workerd and in Node.js alike. */
export async function keyPairFromSeed(seed: Uint8Array): Promise<SigningKeyPair> {
  if (seed.length !== SEED_BYTES) throw new RangeError("An Ed25519 seed has 32 bytes.");
  const privateKey = await importPrivate(seed);
  const jwk = await crypto.subtle.exportKey("jwk", privateKey);
  if (!("x" in jwk) || typeof jwk.x !== "string") {
    throw new TypeError("The runtime exports an Ed25519 key without its public half.");
  }
  return { privateKey, publicKey: jwk.x };
}

/** A fresh seed; the private half of a new identity. */
export function randomSeed(): Uint8Array<ArrayBuffer> {
  return crypto.getRandomValues(new Uint8Array(SEED_BYTES));
}

/** The signature, base64url. */
export async function sign(privateKey: SigningKey, message: Uint8Array<ArrayBuffer>): Promise<string> {
  return toBase64Url(new Uint8Array(await crypto.subtle.sign("Ed25519", privateKey, message)));
}

/** False for a wrong signature, and for a key or signature that is malformed. */
export async function verify(options: {
  publicKey: string;
  signature: string;
  message: Uint8Array<ArrayBuffer>;
}): Promise<boolean> {
  const key = fromBase64Url(options.publicKey);
  const signature = fromBase64Url(options.signature);
  if (key?.length !== 32 || signature?.length !== 64) return false;
  try {
    const imported = await crypto.subtle.importKey("raw", key, "Ed25519", false, ["verify"]);
    return await crypto.subtle.verify("Ed25519", imported, signature, options.message);
  } catch {
    // Not a point on the curve: as wrong as any other key.
    return false;
  }
}

function importPrivate(seed: Uint8Array) {
  const pkcs8 = new Uint8Array(PKCS8_PREFIX.length + SEED_BYTES);
  pkcs8.set(PKCS8_PREFIX);
  pkcs8.set(seed, PKCS8_PREFIX.length);
  return crypto.subtle.importKey("pkcs8", pkcs8, "Ed25519", true, ["sign"]);
}

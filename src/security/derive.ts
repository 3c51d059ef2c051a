import { RouteletError } from "../errors.ts";

/** Shorter secrets can be guessed; `openssl rand -hex 32` gives 64 characters. */
export const MIN_SECRET_LENGTH = 32;

/**
 * What each derived key is for. The version is part of the HKDF info string (RFC 5869 section 3.2), so that a
 * change of algorithm gets keys of its own.
 */
export const PURPOSE = {
  keyPepper: "routelet/v1/api-key-pepper",
  adminCompare: "routelet/v1/admin-key-compare",
  fingerprint: "routelet/v1/secret-fingerprint",
  content: (projectId: string) => `routelet/v1/content/${projectId}`,
  surrogates: (projectId: string) => `routelet/v1/surrogates/${projectId}`,
} as const;

export interface Secrets {
  current: string;
  /** The secret before the last rotation; null when there is none. */
  previous: string | null;
}

/**
 * Reads and checks `ROUTELET_SECRET` and `ROUTELET_SECRET_PREVIOUS`.
 * @throws RouteletError `secret_missing` or `secret_too_short` (internal): the operator has to act.
 */
export function secretsOf(env: { ROUTELET_SECRET?: string; ROUTELET_SECRET_PREVIOUS?: string }): Secrets {
  return {
    current: checked("ROUTELET_SECRET", env.ROUTELET_SECRET ?? ""),
    previous: env.ROUTELET_SECRET_PREVIOUS
      ? checked("ROUTELET_SECRET_PREVIOUS", env.ROUTELET_SECRET_PREVIOUS)
      : null,
  };
}

function checked(name: string, secret: string): string {
  if (secret.length >= MIN_SECRET_LENGTH) return secret;
  throw new RouteletError({
    kind: "internal",
    code: secret === "" ? "secret_missing" : "secret_too_short",
    message: `The gateway is not set up: ${name} needs at least ${MIN_SECRET_LENGTH} characters. Set it, for example to the output of \`openssl rand -hex 32\`.`,
  });
}

/** HKDF-SHA-256 without a salt (RFC 5869): 32 bytes of key material for one purpose. */
export async function deriveBytes(options: { secret: string; info: string }): Promise<Uint8Array> {
  const root = await crypto.subtle.importKey("raw", ENCODER.encode(options.secret), "HKDF", false, [
    "deriveBits",
  ]);
  const bits = await crypto.subtle.deriveBits(
    { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(0), info: ENCODER.encode(options.info) },
    root,
    256,
  );
  return new Uint8Array(bits);
}

const ENCODER = new TextEncoder();

type KeyUse = "hmac" | "aes-gcm";

/** A `CryptoKey` is plain data to the runtime: unlike a promise or a stream it may be shared between requests. */
const keys = new Map<string, CryptoKey>();
const MAX_CACHED_KEYS = 256;

/** The derived key as a `CryptoKey`, kept for the life of the isolate (bounded, the oldest go first). */
export async function deriveKey(options: { secret: string; info: string; use: KeyUse }): Promise<CryptoKey> {
  const cacheKey = `${options.use}\n${options.info}\n${options.secret}`;
  const cached = keys.get(cacheKey);
  if (cached) return cached;
  const material = await deriveBytes(options);
  const key =
    options.use === "hmac"
      ? await crypto.subtle.importKey("raw", material, { name: "HMAC", hash: "SHA-256" }, false, ["sign"])
      : await crypto.subtle.importKey("raw", material, "AES-GCM", false, ["encrypt", "decrypt"]);
  for (const oldest of keys.keys()) {
    if (keys.size < MAX_CACHED_KEYS) break;
    keys.delete(oldest);
  }
  keys.set(cacheKey, key);
  return key;
}

/** HMAC-SHA-256 of a text under a derived key. */
export async function keyedHash(options: {
  secret: string;
  info: string;
  text: string;
}): Promise<Uint8Array> {
  const key = await deriveKey({ secret: options.secret, info: options.info, use: "hmac" });
  return new Uint8Array(await crypto.subtle.sign("HMAC", key, ENCODER.encode(options.text)));
}

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

export function toHex(bytes: Uint8Array): string {
  let hex = "";
  for (let index = 0; index < bytes.length; index++) hex += HEX[bytes[index] ?? 0];
  return hex;
}

/** What `toHex` gave, as bytes again. */
export function fromHex(hex: string): Uint8Array {
  return Uint8Array.from({ length: hex.length / 2 }, (_, index) =>
    Number.parseInt(hex.slice(2 * index, 2 * index + 2), 16),
  );
}

/**
 * Whether two texts are equal, in time that tells nothing about where they differ: both are hashed under a
 * secret key first, so that neither their lengths nor their first difference can be measured.
 */
export async function equalTexts(options: {
  secret: string;
  info: string;
  a: string;
  b: string;
}): Promise<boolean> {
  const { secret, info } = options;
  const [a, b] = await Promise.all([
    keyedHash({ secret, info, text: options.a }),
    keyedHash({ secret, info, text: options.b }),
  ]);
  return equalBytes(a, b);
}

/** Constant time over arrays of one length; portable, since `timingSafeEqual` exists in workerd only. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let index = 0; index < a.length; index++) difference |= (a[index] ?? 0) ^ (b[index] ?? 0);
  return difference === 0;
}

import { deriveBytes, deriveKey, PURPOSE, type Secrets, toHex } from "./derive.ts";

/** AES-256-GCM ciphertext with what is needed to open it again. */
export interface EncryptedBody {
  /** Which secret: a fingerprint, so that content opens after a rotation and a wrong secret is told apart. */
  keyId: string;
  /** 96 random bits (NIST SP 800-38D section 8.2.2), new for each body. */
  iv: Uint8Array;
  /** With the 128-bit tag at its end. */
  ciphertext: Uint8Array;
  compression: "gzip" | "none";
}

/** Where a body stands. It is part of what is authenticated: a body moved to another row does not open. */
export interface BodyPlace {
  projectId: string;
  rowId: string;
  column: string;
}

const ENCODER = new TextEncoder();

/** Below this, what gzip saves is not worth its start-up, a tenth of a small call's CPU. */
const COMPRESS_FROM_BYTES = 2_048;

/** Compresses where that helps, then encrypts under the project's key. */
export async function encryptBody(options: {
  secrets: Secrets;
  place: BodyPlace;
  plaintext: Uint8Array;
}): Promise<EncryptedBody> {
  const { secrets, place, plaintext } = options;
  const keyId = await secretFingerprint(secrets.current);
  const key = await contentKey(secrets.current, place.projectId);
  const worthIt = plaintext.byteLength >= COMPRESS_FROM_BYTES;
  const compressed = worthIt ? await pipe(plaintext, new CompressionStream("gzip")) : plaintext;
  const compression = compressed.byteLength < plaintext.byteLength ? "gzip" : "none";
  const iv = crypto.getRandomValues(new Uint8Array(12));
  const ciphertext = await crypto.subtle.encrypt(
    { name: "AES-GCM", iv, additionalData: authenticated(place, keyId, compression) },
    key,
    compression === "gzip" ? compressed : plaintext,
  );
  return { keyId, iv, ciphertext: new Uint8Array(ciphertext), compression };
}

export type DecryptFailure = "unknown_secret" | "tampered";

/**
 * Opens a body, with the previous secret too. `unknown_secret`: it was written under a secret that is set no
 * more. `tampered`: it was changed, or belongs to another row, column or project.
 */
export async function decryptBody(options: {
  secrets: Secrets;
  place: BodyPlace;
  body: EncryptedBody;
}): Promise<{ ok: true; plaintext: Uint8Array } | { ok: false; reason: DecryptFailure }> {
  const { secrets, place, body } = options;
  const secret = await secretNamed(secrets, body.keyId);
  if (secret === null) return { ok: false, reason: "unknown_secret" };
  const key = await contentKey(secret, place.projectId);
  let opened: ArrayBuffer;
  try {
    opened = await crypto.subtle.decrypt(
      {
        name: "AES-GCM",
        iv: body.iv,
        additionalData: authenticated(place, body.keyId, body.compression),
      },
      key,
      body.ciphertext,
    );
  } catch {
    return { ok: false, reason: "tampered" };
  }
  const bytes = new Uint8Array(opened);
  const plaintext = body.compression === "gzip" ? await pipe(bytes, new DecompressionStream("gzip")) : bytes;
  return { ok: true, plaintext };
}

const fingerprints = new Map<string, string>();

/** Names a secret without telling it: 32 bits of a key derived for nothing else. */
export async function secretFingerprint(secret: string): Promise<string> {
  const known = fingerprints.get(secret);
  if (known !== undefined) return known;
  const bytes = await deriveBytes({ secret, info: PURPOSE.fingerprint });
  const fingerprint = toHex(bytes.subarray(0, 4));
  // An isolate sees two secrets; tests see more.
  if (fingerprints.size >= 16) fingerprints.clear();
  fingerprints.set(secret, fingerprint);
  return fingerprint;
}

async function secretNamed(secrets: Secrets, keyId: string): Promise<string | null> {
  if ((await secretFingerprint(secrets.current)) === keyId) return secrets.current;
  if (secrets.previous !== null && (await secretFingerprint(secrets.previous)) === keyId)
    return secrets.previous;
  return null;
}

function contentKey(secret: string, projectId: string): Promise<CryptoKey> {
  return deriveKey({ secret, info: PURPOSE.content(projectId), use: "aes-gcm" });
}

/** Additional authenticated data; JSON, so that no two places have one encoding. */
function authenticated(place: BodyPlace, keyId: string, compression: string): Uint8Array {
  return ENCODER.encode(JSON.stringify([place.rowId, place.column, keyId, compression]));
}

/** Feeds the transform by its writer: through a `Blob` and `pipeThrough` a call with two bodies costs a fifth more CPU. */
async function pipe(
  bytes: Uint8Array,
  transform: ReadableWritablePair<Uint8Array, Uint8Array>,
): Promise<Uint8Array> {
  const writer = transform.writable.getWriter();
  const written = writer.write(bytes).then(() => writer.close());
  const [output] = await Promise.all([new Response(transform.readable).arrayBuffer(), written]);
  return new Uint8Array(output);
}

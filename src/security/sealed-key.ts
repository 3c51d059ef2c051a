import { fromBase64Url, toBase64Url } from "./base64url.ts";
import type { Secrets } from "./derive.ts";
import { decryptBody, encryptBody } from "./encryption.ts";

/** A provider's key at rest: AES-256-GCM under the project's key, every part as base64url. */
export interface SealedKey {
  keyId: string;
  iv: string;
  ciphertext: string;
}

/**
 * What the key is for, which is authenticated: one that is moved to another project, provider or URL does not open, so
 * that whoever can write the settings' row cannot have the gateway send a key elsewhere.
 */
export interface KeyPurpose {
  projectId: string;
  provider: string;
  /** As set; null where the provider's own is meant. */
  baseUrl: string | null;
}

const placeOf = ({ projectId, provider, baseUrl }: KeyPurpose) => ({
  projectId,
  rowId: `provider:${provider}`,
  column: baseUrl ?? "",
});

/** Encrypts a provider's key. */
export async function sealKey(options: {
  secrets: Secrets;
  purpose: KeyPurpose;
  key: string;
}): Promise<SealedKey> {
  const { keyId, iv, ciphertext } = await encryptBody({
    secrets: options.secrets,
    place: placeOf(options.purpose),
    plaintext: new TextEncoder().encode(options.key),
  });
  return { keyId, iv: toBase64Url(iv), ciphertext: toBase64Url(ciphertext) };
}

/** The key; null when it was sealed under a secret that is gone, for something else, or was changed. */
export async function openKey(options: {
  secrets: Secrets;
  purpose: KeyPurpose;
  sealed: SealedKey;
}): Promise<string | null> {
  const iv = fromBase64Url(options.sealed.iv);
  const ciphertext = fromBase64Url(options.sealed.ciphertext);
  if (iv === null || ciphertext === null) return null;
  const opened = await decryptBody({
    secrets: options.secrets,
    place: placeOf(options.purpose),
    // Keys are shorter than what compression is worth.
    body: { keyId: options.sealed.keyId, iv, ciphertext, compression: "none" },
  });
  return opened.ok ? new TextDecoder().decode(opened.plaintext) : null;
}

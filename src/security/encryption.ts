/** AES-256-GCM ciphertext with what is needed to open it again. */
export interface EncryptedBody {
  /** Which secret: `1` is the current one at the time of writing, found by its fingerprint. */
  keyId: string;
  iv: Uint8Array;
  ciphertext: Uint8Array;
  compression: "gzip" | "none";
}

import { prefixOf } from "./secret-prefixes.ts";

const PEM = /^(-----BEGIN [^-]*-----)([\s\S]*?)(-----END [^-]*-----)?$/;

/** A secret of the same length and shape that opens nothing: what a provider's secrets begin with stays. */
export function secretSurrogate(secret: string, like: (shape: string) => string): string {
  const pem = PEM.exec(secret);
  // `\n` in a text that is escaped once more is no letter of the key.
  if (pem !== null)
    return `${pem[1]}${(pem[2] ?? "").replace(/(\\[nrt])|([^\\]+)/g, (_, kept, body) => kept ?? like(body))}${pem[3] ?? ""}`;
  if (secret.startsWith("eyJ"))
    return secret
      .split(".")
      .map((part) => (part.startsWith("eyJ") ? `eyJ${like(part.slice(3))}` : like(part)))
      .join(".");
  const prefix = prefixOf(secret);
  return prefix + like(secret.slice(prefix.length));
}

import { randomUUID } from "node:crypto";
import { open, readFile, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { z } from "zod";
import { fromBase64Url, toBase64Url } from "../../../src/security/base64url.ts";
import { keyPairFromSeed, randomSeed, type SigningKeyPair } from "../../../src/security/ed25519.ts";
import { makeFolder } from "../models/make-folder.ts";

const key = z.string().regex(/^[A-Za-z0-9_-]{43}$/);

/** Who this node is to one gateway. The seed is a secret: the file has mode 0600. Bytes are base64url. */
export const identitySchema = z.object({
  gatewayUrl: z.url(),
  nodeId: z.string(),
  name: z.string(),
  projects: z.array(z.string()),
  /** Seed of the node's Ed25519 key. */
  seed: key,
  /** The gateway's pinned public key. */
  gatewayKey: key,
  /** The highest generation that this identity claimed here: a higher one at the gateway means another user of it. */
  generation: z.number().int().nonnegative(),
});
export type Identity = z.infer<typeof identitySchema>;

export function newSeed(): string {
  return toBase64Url(randomSeed());
}

/** @throws RangeError when the seed is not 32 bytes of base64url. */
export async function signingKey(seed: string): Promise<SigningKeyPair> {
  return keyPairFromSeed(fromBase64Url(seed) ?? new Uint8Array(0));
}

/** Null when there is no file yet. @throws Error that names the file when it is damaged. */
export async function loadIdentity(path: string): Promise<Identity | null> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw error;
  }
  const parsed = identitySchema.safeParse(parseJson(text));
  if (parsed.success) return parsed.data;
  throw new Error(`${path} is damaged. Delete it and join the gateway again with a new token.`);
}

/** Writes beside the file and renames, so that a crash leaves the old identity or the new one, never half of it. */
export async function saveIdentity(path: string, identity: Identity): Promise<void> {
  await makeFolder(dirname(path));
  const temporary = `${path}.${randomUUID()}.tmp`;
  try {
    const file = await open(temporary, "wx", 0o600);
    try {
      await file.writeFile(`${JSON.stringify(identity, null, 2)}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

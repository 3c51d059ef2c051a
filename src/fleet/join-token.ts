import { randomBase64Url } from "../security/base64url.ts";

/** How long a join token lives unless told otherwise, in ms. */
export const JOIN_TOKEN_TTL_MS = 15 * 60_000;

/** 256 random bits; shown once, stored only as its hash. */
export function newJoinToken(): string {
  return `rlj_${randomBase64Url(32)}`;
}

/** SHA-256 in hex. The token is random, so a plain hash cannot be guessed back. */
export async function hashJoinToken(token: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(token));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

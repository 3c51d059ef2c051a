import { type Surrogates, surrogates } from "../conversion/privacy/surrogates.ts";
import type { Env } from "../env.ts";
import { deriveBytes, PURPOSE, secretsOf, toHex } from "./derive.ts";

/**
 * A project's surrogates: the same value has the same one in all of its data sets and, where content is redacted, in all of
 * its stored calls, until the secret changes.
 */
export async function surrogatesFor(
  env: Pick<Env, "ROUTELET_SECRET" | "ROUTELET_SECRET_PREVIOUS">,
  projectId: string,
): Promise<Surrogates> {
  const secret = secretsOf(env).current;
  return surrogates({ seed: toHex(await deriveBytes({ secret, info: PURPOSE.surrogates(projectId) })) });
}

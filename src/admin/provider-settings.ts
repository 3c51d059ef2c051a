import { PROVIDERS } from "../backends/providers/registry.ts";
import { RouteletError } from "../errors.ts";
import type { Secrets } from "../security/derive.ts";
import { secretFingerprint } from "../security/encryption.ts";
import { providerUrlProblem } from "../security/provider-url.ts";
import { type KeyPurpose, openKey, type SealedKey, sealKey } from "../security/sealed-key.ts";
import type { ProviderInput, StoredKey, StoredProvider } from "../settings/providers.ts";

function invalid(param: string, message: string): RouteletError {
  return new RouteletError({
    kind: "invalid_request",
    code: "invalid_field",
    message: `\`${param}\` ${message}.`,
    param,
  });
}

/** What the shapes alone cannot say; `param` names the field as it was written. */
function checkProvider(
  provider: ProviderInput,
  at: number,
  all: readonly ProviderInput[],
  local: boolean,
): void {
  const path = `providers[${at}]`;
  if (all.findIndex(({ name }) => name === provider.name) !== at)
    throw invalid(`${path}.name`, "stands there twice");
  const known = PROVIDERS.some(({ name }) => name === provider.name);
  if (provider.baseUrl === null && !known) {
    const names = PROVIDERS.map(({ name }) => name).join(", ");
    throw invalid(
      `${path}.base_url`,
      `is missing: without one only known providers can be set, which are ${names}`,
    );
  }
  const problem = provider.baseUrl === null ? null : providerUrlProblem({ url: provider.baseUrl, local });
  if (problem !== null) throw invalid(`${path}.base_url`, problem);
  for (const [index, { name }] of provider.keys.entries()) {
    if (provider.keys.findIndex((key) => key.name === name) !== index)
      throw invalid(`${path}.keys[${index}].name`, "stands there twice");
  }
}

/** A key that was sealed under the secret before the last rotation moves to the current one, so that the old one can go. */
async function underCurrentSecret(
  secrets: Secrets,
  purpose: KeyPurpose,
  sealed: SealedKey,
): Promise<SealedKey> {
  if (sealed.keyId === (await secretFingerprint(secrets.current))) return sealed;
  const key = await openKey({ secrets, purpose, sealed });
  return key === null ? sealed : sealKey({ secrets, purpose, key });
}

/**
 * Providers as they are stored, their new keys encrypted. A key that is left out stays as it was, as long as its
 * provider's URL does: a key is for one URL, and whoever may change that must not be able to have it sent elsewhere.
 *
 * @throws RouteletError `invalid_field`, with `param`.
 */
export async function sealProviders(options: {
  providers: readonly ProviderInput[];
  stored: readonly StoredProvider[];
  projectId: string;
  secrets: () => Secrets;
  /** The gateway runs on its owner's machine (`ROUTELET_LOCAL`). */
  local: boolean;
}): Promise<StoredProvider[]> {
  const { providers, stored, projectId, local } = options;
  for (const [at, provider] of providers.entries()) checkProvider(provider, at, providers, local);
  return Promise.all(
    providers.map(async ({ keys, ...provider }) => {
      const before = stored.find(({ name }) => name === provider.name);
      const kept = before?.baseUrl === provider.baseUrl ? before.keys : [];
      const purpose = { projectId, provider: provider.name, baseUrl: provider.baseUrl };
      const sealed = keys.map(async ({ name, weight, key }): Promise<StoredKey> => {
        if (key !== undefined)
          return { name, weight, sealed: await sealKey({ secrets: options.secrets(), purpose, key }) };
        const stays = kept.find((known) => known.name === name)?.sealed ?? null;
        return {
          name,
          weight,
          sealed: stays === null ? null : await underCurrentSecret(options.secrets(), purpose, stays),
        };
      });
      return { ...provider, keys: await Promise.all(sealed) };
    }),
  );
}

/** A provider as the API shows it: that there is a key, and nothing of it. */
export function shownProvider({ keys, ...provider }: StoredProvider) {
  return {
    ...provider,
    keys: keys.map(({ name, weight, sealed }) => ({ name, weight, hasKey: sealed !== null })),
  };
}

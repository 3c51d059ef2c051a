import { readFileSync } from "node:fs";
import { rootCertificates } from "node:tls";
import { type Dispatcher, EnvHttpProxyAgent, fetch as undiciFetch } from "undici";
import { ModelError, reasonOf } from "./model-error.ts";
import { isLoopback, shown } from "./reference.ts";

export type Fetch = typeof globalThis.fetch;

type Env = Record<string, string | undefined>;

/** Where other tools look for a company's own certificate authority; the first that is set wins. */
const CA_VARIABLES = ["PIP_CERT", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE"] as const;

/** Milliseconds. Silence, not length, ends a transfer. */
const TIMEOUTS = { connect: 10_000, headers: 30_000, body: 30_000 } as const;

export interface Network {
  fetch: Fetch;
  close(): Promise<void>;
}

/**
 * HTTP as the user's environment wants it: `HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY`, and the certificate
 * bundle that pip, requests, OpenSSL or curl are told to use (beside Node's own roots).
 * @throws {ModelError} `unreachable` when a named certificate bundle cannot be read.
 */
export function createNetwork(env: Env): Network {
  const ca = certificates(env);
  const tls = ca ? { ca } : {};
  const dispatcher: Dispatcher = new EnvHttpProxyAgent({
    httpProxy: env.HTTP_PROXY ?? env.http_proxy,
    httpsProxy: env.HTTPS_PROXY ?? env.https_proxy,
    noProxy: env.NO_PROXY ?? env.no_proxy ?? "",
    connect: { ...tls, timeout: TIMEOUTS.connect },
    requestTls: tls,
    proxyTls: tls,
    headersTimeout: TIMEOUTS.headers,
    bodyTimeout: TIMEOUTS.body,
  });
  const fetch = ((input: string | URL, init?: RequestInit) =>
    undiciFetch(input, { ...(init as object), dispatcher })) as unknown as Fetch;
  // Whoever closes is done: an answer that nobody read to its end must not keep them.
  return { fetch, close: () => dispatcher.destroy() };
}

function certificates(env: Env): string[] | null {
  for (const name of CA_VARIABLES) {
    const path = env[name];
    if (!path) continue;
    try {
      return [...rootCertificates, readFileSync(path, "utf8")];
    } catch (error) {
      throw new ModelError(
        "unreachable",
        `${name} names ${path}, which cannot be read (${reasonOf(error)}). Correct it or unset it.`,
        error,
      );
    }
  }
  return null;
}

const MAX_REDIRECTS = 8;

/**
 * `fetch` that follows redirects by itself, since two rules matter here: credentials never travel to another
 * origin, and https never falls back to plain http (but to loopback).
 * @throws {ModelError} `unreachable`, `cancelled`
 */
export async function fetchFollowing(options: {
  fetch: Fetch;
  url: string;
  headers?: Record<string, string>;
  signal?: AbortSignal;
  method?: "GET" | "HEAD";
}): Promise<{ response: Response; url: string }> {
  let url = new URL(options.url);
  const headers = { ...options.headers };
  for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
    const response = await request(options, url, headers);
    const location = response.headers.get("location");
    if (response.status < 300 || response.status >= 400 || response.status === 304 || !location) {
      return { response, url: url.href };
    }
    await response.body?.cancel();
    const next = new URL(location, url);
    const plainAllowed = isLoopback(next) || (url.protocol === "http:" && next.hostname === url.hostname);
    if (next.protocol !== "https:" && !(next.protocol === "http:" && plainAllowed)) {
      throw new ModelError(
        "unreachable",
        `${shown(url.href)} redirects to ${next.protocol}//, which is refused.`,
      );
    }
    if (next.origin !== url.origin) delete headers.authorization;
    url = next;
  }
  throw new ModelError("unreachable", `${shown(options.url)} redirects more than ${MAX_REDIRECTS} times.`);
}

async function request(
  options: { fetch: Fetch; signal?: AbortSignal; method?: "GET" | "HEAD" },
  url: URL,
  headers: Record<string, string>,
): Promise<Response> {
  try {
    return await options.fetch(url.href, {
      method: options.method ?? "GET",
      headers,
      redirect: "manual",
      signal: options.signal,
    });
  } catch (error) {
    const host = url.host;
    if (options.signal?.aborted && !isTimeout(options.signal.reason)) {
      throw new ModelError("cancelled", `Fetching from ${host} was stopped.`, error);
    }
    const reason = options.signal?.aborted ? "no answer in time" : reasonOf(error);
    throw new ModelError(
      "unreachable",
      `${host} cannot be reached (${reason}). Check the network, HTTPS_PROXY and NO_PROXY.`,
      error,
    );
  }
}

function isTimeout(reason: unknown): boolean {
  return reason instanceof DOMException && reason.name === "TimeoutError";
}

/**
 * The answer to a small request (a listing), within `timeoutMs` from start to headers, so that a closed
 * network costs seconds.
 */
export async function probe(options: {
  fetch: Fetch;
  url: string;
  headers?: Record<string, string>;
  signal?: AbortSignal;
  timeoutMs: number;
}): Promise<{ response: Response; url: string; text: string }> {
  const timeout = AbortSignal.timeout(options.timeoutMs);
  const signal = options.signal ? AbortSignal.any([timeout, options.signal]) : timeout;
  const { response, url } = await fetchFollowing({ ...options, signal });
  try {
    return { response, url, text: await response.text() };
  } catch (error) {
    throw new ModelError(
      options.signal?.aborted ? "cancelled" : "unreachable",
      `${new URL(url).host} stopped answering (${reasonOf(error)}). Try again.`,
      error,
    );
  }
}

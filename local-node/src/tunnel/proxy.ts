/// <reference path="./proxy-from-env.d.ts" />
import type { Agent } from "node:http";
import { HttpsProxyAgent } from "https-proxy-agent";
import { getProxyForUrl } from "proxy-from-env";
import { EnvHttpProxyAgent, fetch as undiciFetch } from "undici";

/** The agent for a WebSocket to `gateway`, as `HTTPS_PROXY` and `NO_PROXY` ask; undefined for a direct connection. */
export function socketAgent(gateway: URL): Agent | undefined {
  // The proxy is chosen by the http(s) scheme: nobody sets `WSS_PROXY`.
  const proxy = getProxyForUrl(gateway.origin);
  return proxy === "" ? undefined : new HttpsProxyAgent(proxy);
}

/** The part of `fetch` that the tunnel needs. */
export type TunnelFetch = (
  url: string,
  init: { method: "POST"; headers?: Record<string, string>; body?: string; signal: AbortSignal },
) => Promise<{ status: number; text(): Promise<string> }>;

/** `fetch` that honours `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`. */
export function proxyFetch(): TunnelFetch {
  const dispatcher = new EnvHttpProxyAgent();
  return (url, init) => undiciFetch(url, { ...init, dispatcher, redirect: "error" });
}

import type { Request, Response } from "miniflare";

type Environment = Record<string, string | undefined>;

const LOOPBACK = ["localhost", "127.0.0.1", "[::1]"];

function named(env: Environment, name: string): string | undefined {
  return env[name] || env[name.toLowerCase()];
}

/** Whether requests to cloud providers have to go through a proxy of the user's. */
export function hasProxy(env: Environment): boolean {
  return Boolean(named(env, "HTTPS_PROXY") || named(env, "HTTP_PROXY"));
}

/** What makes Node.js's own `fetch` honour `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`; loopback is never proxied. */
export function proxyEnvironment(env: Environment): Environment {
  if (!hasProxy(env)) return {};
  const exceptions = [named(env, "NO_PROXY"), ...LOOPBACK].filter(Boolean).join(",");
  return { NODE_USE_ENV_PROXY: "1", NO_PROXY: exceptions, no_proxy: exceptions };
}

/** Describe bytes that `fetch` has decoded already. */
const STALE = ["content-encoding", "content-length", "transfer-encoding", "connection", "keep-alive"];

/**
 * Carries what the Worker sends out: workerd knows no proxies, so this process sends it in its place. Only where a
 * proxy is set, since it costs every request a hop.
 */
export async function sendThroughProxy(
  request: Request,
  respond: (body: ReadableStream | null, init: { status: number; headers: Headers }) => Response,
): Promise<Response> {
  const headers = new Headers([...request.headers]);
  for (const name of ["host", ...STALE]) headers.delete(name);
  const answer = await fetch(request.url, {
    method: request.method,
    headers,
    body: request.body as ReadableStream | null,
    redirect: "manual",
    signal: request.signal as AbortSignal,
    duplex: "half",
  } as RequestInit);
  const answered = new Headers(answer.headers);
  for (const name of STALE) answered.delete(name);
  return respond(answer.body, { status: answer.status, headers: answered });
}

import type { WireDialect } from "../dialects/call.ts";

/** After this long a server is asked again: it may have been updated. Milliseconds. */
const REMEMBER_MS = 10 * 60_000;

/** Beyond this many the oldest is forgotten: the memory spares a request, it decides nothing for good. */
const MAX_ENTRIES = 256;

/** What servers have shown not to speak, with when that was; this isolate's own view. */
const missing = new Map<string, number>();

const keyOf = (baseUrl: string, dialect: WireDialect): string => `${dialect} ${baseUrl}`;

/** A server that claims to be compatible has no such endpoint: its calls are translated from now on. */
export function noteMissingEndpoint(options: { baseUrl: string; dialect: WireDialect; now: number }): void {
  const key = keyOf(options.baseUrl, options.dialect);
  missing.delete(key);
  missing.set(key, options.now);
  const [oldest] = missing.keys();
  if (missing.size > MAX_ENTRIES && oldest !== undefined) missing.delete(oldest);
}

/** Whether a server is known to lack a dialect's endpoint. */
export function lacksEndpoint(options: { baseUrl: string; dialect: WireDialect; now: number }): boolean {
  const since = missing.get(keyOf(options.baseUrl, options.dialect));
  return since !== undefined && options.now - since < REMEMBER_MS;
}

/** Headers of one hop (RFC 9110 section 7.6.1), and those that the next hop sets by itself. */
const OF_ONE_HOP = new Set([
  "accept-encoding",
  "connection",
  "content-length",
  "expect",
  "host",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** Credentials and marks that concern the gateway and must not reach an engine, or come back from it. */
const PRIVATE = new Set(["authorization", "cookie", "set-cookie", "x-api-key"]);
const PRIVATE_PREFIX = "x-routelet-";

/** Headers for the engine: what the agent sent without what belongs to the gateway or to one hop. */
export function toEngineHeaders(
  headers: Record<string, string>,
  apiKey: string | undefined,
): Record<string, string> {
  return {
    ...forwardable(headers),
    // The bytes go through as they are, and the gateway reads them.
    "accept-encoding": "identity",
    ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }),
  };
}

/** Headers of the engine's answer for the gateway. */
export function fromEngineHeaders(
  headers: Record<string, string | string[] | undefined>,
): Record<string, string> {
  const single = Object.entries(headers).flatMap(([name, value]) =>
    value === undefined ? [] : [[name.toLowerCase(), Array.isArray(value) ? value.join(", ") : value]],
  );
  return forwardable(Object.fromEntries(single));
}

function forwardable(headers: Record<string, string>): Record<string, string> {
  const named = new Set((headers.connection ?? "").split(",").map((name) => name.trim().toLowerCase()));
  return Object.fromEntries(
    Object.entries(headers).filter(
      ([name]) =>
        !OF_ONE_HOP.has(name) && !named.has(name) && !PRIVATE.has(name) && !name.startsWith(PRIVATE_PREFIX),
    ),
  );
}

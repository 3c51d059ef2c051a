/** Hop-by-hop headers (RFC 9110 section 7.6.1) and those that describe bytes which we no longer send as they were. */
const NEVER = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "content-encoding",
  "content-length",
  "accept-encoding",
  "host",
]);

/**
 * The caller's own credentials, by any name that a provider's SDK has for them; its addresses and trace context; and what
 * a browser says of the page that calls: none of a provider's business. Anthropic refuses whatever has an `origin`.
 */
const PRIVATE_REQUEST = new RegExp(
  `^(${[
    "authorization|(x-)?(goog-)?api-?key|x-(auth|access|csrf|xsrf)-token|cookie2?|ocp-apim-subscription-key",
    "x-goog-(iam-.*|user-project)|x-amz-security-token|x-ms-(token|client-principal).*",
    "forwarded|via|true-client-ip|fastly-client-ip|x-(real|client|cluster-client)-ip|x-forwarded-.*|x-original-.*",
    "traceparent|tracestate|baggage|b3|x-b3-.*|x-datadog-.*|x-amzn-trace-id|sentry-trace|cdn-loop",
    "origin|referer|sec-.*|cf-.*|mf-.*|x-routelet-.*",
  ].join("|")})$`,
);

/** The provider's plumbing, and what tells a browser what to do with the gateway's own origin. */
const PRIVATE_RESPONSE =
  /^(set-cookie|location|refresh|link|clear-site-data|content-security-policy.*|x-frame-options|permissions-policy|cross-origin-.*|referrer-policy|x-powered-by|via|age|cf-.*|nel|report-to|alt-svc|server|strict-transport-security|x-routelet-.*|access-control-.*)$/;

/** The headers of a request to a cloud provider: what the client sent for it, and the provider's own credentials. */
export function cloudRequestHeaders(options: {
  client: Headers;
  credentials: Record<string, string>;
  /** Given where the client sends none of its own; names in lower case. */
  defaults?: Record<string, string>;
  /** The body passes as the client sent it, whatever it is; all others are JSON of ours. */
  ownBody?: boolean;
}): Record<string, string> {
  // A plain object, for `fetch` as it is: each `Headers`, and each change of one, is a call into the runtime.
  const headers: Record<string, string> = { ...options.defaults };
  for (const [name, value] of options.client) {
    if (!NEVER.has(name) && !PRIVATE_REQUEST.test(name)) headers[name] = value;
  }
  if (options.ownBody !== true) headers["content-type"] = "application/json";
  headers["accept-encoding"] = "identity";
  return Object.assign(headers, options.credentials);
}

/**
 * The headers of a reply that may reach the client: rate limits and request ids pass, the rest of the plumbing does
 * not. `own` are the gateway's; they win.
 */
export function clientResponseHeaders(backend: Headers, own: Record<string, string> = {}): Headers {
  const headers: Record<string, string> = {};
  for (const [name, value] of backend) {
    if (!NEVER.has(name) && !PRIVATE_RESPONSE.test(name)) headers[name] = value;
  }
  return new Headers({ ...headers, ...own });
}

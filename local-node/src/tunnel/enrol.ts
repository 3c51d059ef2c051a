import { type EnrolRequest, enrolResponseSchema } from "../../../src/tunnel/protocol/messages.ts";
import { checkGatewayUrl } from "./gateway-url.ts";
import { type Identity, newSeed, signingKey } from "./identity.ts";
import type { TunnelFetch } from "./proxy.ts";

const TIMEOUT_MS = 30_000;

/** `join` failed; the message says what to do and never contains the token. */
export class EnrolError extends Error {
  readonly code: "token_refused" | "gateway_unreachable" | "unexpected_answer";

  constructor(code: EnrolError["code"], message: string, cause?: unknown) {
    super(message, { cause });
    this.name = "EnrolError";
    this.code = code;
  }
}

/**
 * Makes a key pair, spends the join token on its public half and pins the gateway's key. The caller saves the
 * identity.
 *
 * @throws InsecureGatewayError, EnrolError
 */
export async function enrol(options: {
  gatewayUrl: string;
  token: string;
  name: string;
  fetch: TunnelFetch;
  allowInsecureLan: boolean;
}): Promise<Identity> {
  const gateway = checkGatewayUrl(options.gatewayUrl, options);
  const seed = newSeed();
  const { publicKey } = await signingKey(seed);
  const request: EnrolRequest = { token: options.token, publicKey, name: options.name };
  const answer = await post(options.fetch, new URL("/tunnel/enrol", gateway), request);
  if (answer.status === 401) {
    throw new EnrolError(
      "token_refused",
      "The gateway refused the join token: it is wrong, was used before, or is older than it may be. Create a new one.",
    );
  }
  const parsed = enrolResponseSchema.safeParse(parseJson(answer.text));
  if (answer.status !== 200 || !parsed.success) {
    throw new EnrolError(
      "unexpected_answer",
      `${gateway.origin} answered ${answer.status}, not as a Routelet gateway does. Check the address.`,
    );
  }
  const { nodeId, gatewayKey, projects } = parsed.data;
  return {
    gatewayUrl: gateway.origin,
    nodeId,
    name: options.name,
    projects,
    seed,
    gatewayKey,
    generation: 0,
  };
}

async function post(
  fetch: TunnelFetch,
  url: URL,
  body: EnrolRequest,
): Promise<{ status: number; text: string }> {
  try {
    const response = await fetch(url.href, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    return { status: response.status, text: await response.text() };
  } catch (error) {
    throw new EnrolError(
      "gateway_unreachable",
      `${url.origin} cannot be reached. Is the gateway running?`,
      error,
    );
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

import { WebSocket } from "ws";
import { randomBase64Url } from "../../../src/security/base64url.ts";
import { sign, verify } from "../../../src/security/ed25519.ts";
import { decodeMessage, FRAME } from "../../../src/tunnel/protocol/frames.ts";
import { decodeJsonPayload } from "../../../src/tunnel/protocol/json-payload.ts";
import {
  CLOSE,
  challengeResponseSchema,
  PROTOCOL,
  type Welcome,
  welcomeSchema,
} from "../../../src/tunnel/protocol/messages.ts";
import {
  CONNECT_HEADERS,
  type ConnectClaim,
  connectTranscript,
  rotationTranscript,
  welcomeTranscript,
} from "../../../src/tunnel/protocol/transcripts.ts";
import { type Identity, signingKey } from "./identity.ts";
import { socketAgent, type TunnelFetch } from "./proxy.ts";

const STEP_TIMEOUT_MS = 15_000;

/** More than the gateway ever sends in one message, in bytes. */
const MAX_MESSAGE_BYTES = 1024 * 1024;

/** Why a connection did not come about. */
export class ConnectError extends Error {
  readonly code: "unreachable" | "refused" | "untrusted" | "in_use" | "incompatible" | "closed";
  /** The close code, for `closed`. */
  readonly closeCode: number | undefined;

  constructor(
    code: ConnectError["code"],
    message: string,
    options: { closeCode?: number; cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause });
    this.name = "ConnectError";
    this.code = code;
    this.closeCode = options.closeCode;
  }
}

export interface Connection {
  socket: WebSocket;
  welcome: Welcome;
  /** The generation claimed and, after a rotation, the new gateway key. */
  identity: Identity;
  /** Messages that came behind the welcome before the caller listened. */
  early: { data: Buffer; isBinary: boolean }[];
}

/**
 * Challenge, signed upgrade, welcome. Resolves with an open socket whose gateway has proved the pinned key.
 *
 * @param saveIdentity called before the claim is made, and again when a rotated key is pinned
 * @param mustBeLast true in a process that held the tunnel before: a generation beyond the one claimed last means
 *   that another process uses the identity
 * @throws ConnectError
 */
export async function connect(options: {
  gateway: URL;
  identity: Identity;
  mustBeLast: boolean;
  saveIdentity: (identity: Identity) => Promise<void>;
  fetch: TunnelFetch;
  signal: AbortSignal;
}): Promise<Connection> {
  const { gateway, saveIdentity } = options;
  const challenge = await fetchChallenge(options);
  if (options.mustBeLast && challenge.generation > options.identity.generation) {
    throw new ConnectError("in_use", "This node's identity is in use by another daemon.");
  }
  const generation = challenge.generation + 1;
  const claim: ConnectClaim = {
    nonce: challenge.nonce,
    host: gateway.host,
    nodeId: options.identity.nodeId,
    generation,
    nodeNonce: randomBase64Url(24),
  };
  const identity = { ...options.identity, generation };
  await saveIdentity(identity);
  const { socket, first, early } = await openSocket({ gateway, identity, claim, signal: options.signal });
  try {
    const welcome = readWelcome(first);
    const pinned = await checkWelcome({ welcome, claim, pinnedKey: identity.gatewayKey });
    if (pinned === identity.gatewayKey) return { socket, welcome, identity, early };
    const repinned = { ...identity, gatewayKey: pinned };
    await saveIdentity(repinned);
    return { socket, welcome, identity: repinned, early };
  } catch (error) {
    socket.close(
      error instanceof ConnectError && error.code === "untrusted" ? CLOSE.untrusted : CLOSE.protocol,
    );
    throw error;
  }
}

async function fetchChallenge(options: {
  gateway: URL;
  identity: Identity;
  fetch: TunnelFetch;
  signal: AbortSignal;
}) {
  const url = new URL(`/tunnel/challenge/${options.identity.nodeId}`, options.gateway);
  let status: number;
  let text: string;
  try {
    const signal = AbortSignal.any([options.signal, AbortSignal.timeout(STEP_TIMEOUT_MS)]);
    const response = await options.fetch(url.href, { method: "POST", signal });
    status = response.status;
    text = await response.text();
  } catch (error) {
    throw new ConnectError("unreachable", `${options.gateway.origin} cannot be reached.`, { cause: error });
  }
  const parsed = status === 200 ? challengeResponseSchema.safeParse(parseJson(text)) : null;
  if (parsed?.success !== true) {
    throw new ConnectError(
      "unreachable",
      `${options.gateway.origin} answered ${status} to the challenge request.`,
    );
  }
  return parsed.data;
}

/** Opens the socket and waits for its first message. */
async function openSocket(options: {
  gateway: URL;
  identity: Identity;
  claim: ConnectClaim;
  signal: AbortSignal;
}): Promise<{ socket: WebSocket; first: Buffer; early: Connection["early"] }> {
  const { gateway, claim } = options;
  const { privateKey } = await signingKey(options.identity.seed);
  const url = new URL(`/tunnel/connect/${claim.nodeId}`, gateway);
  url.protocol = gateway.protocol === "https:" ? "wss:" : "ws:";
  const socket = new WebSocket(url, {
    agent: socketAgent(gateway),
    headers: {
      [CONNECT_HEADERS.nonce]: claim.nonce,
      [CONNECT_HEADERS.generation]: String(claim.generation),
      [CONNECT_HEADERS.nodeNonce]: claim.nodeNonce,
      [CONNECT_HEADERS.signature]: await sign(privateKey, connectTranscript(claim)),
    },
    handshakeTimeout: STEP_TIMEOUT_MS,
    maxPayload: MAX_MESSAGE_BYTES,
    perMessageDeflate: false,
    followRedirects: false,
  });
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => fail(new ConnectError("unreachable", "The gateway sent no welcome.")),
      2 * STEP_TIMEOUT_MS,
    );
    const early: Connection["early"] = [];
    const done = (): void => {
      clearTimeout(timer);
      options.signal.removeEventListener("abort", onAbort);
    };
    const fail = (error: ConnectError): void => {
      done();
      socket.terminate();
      reject(error);
    };
    const onAbort = (): void => fail(new ConnectError("closed", "The tunnel was closed."));
    options.signal.addEventListener("abort", onAbort);
    let first: Buffer | null = null;
    socket.on("message", (data: Buffer, isBinary: boolean) => {
      if (first !== null) {
        early.push({ data, isBinary });
        return;
      }
      first = data;
      done();
      resolve({ socket, first: data, early });
    });
    socket.on("unexpected-response", (_request, response) => {
      response.resume();
      if (response.statusCode === 401) {
        fail(new ConnectError("refused", "The gateway refused this node."));
      } else {
        fail(
          new ConnectError("unreachable", `The gateway answered ${response.statusCode} to the connection.`),
        );
      }
    });
    socket.on("error", (error) => {
      fail(new ConnectError("unreachable", "The connection to the gateway failed.", { cause: error }));
    });
    socket.on("close", (closeCode) => {
      fail(new ConnectError("closed", `The gateway closed the connection (${closeCode}).`, { closeCode }));
    });
    if (options.signal.aborted) onAbort();
  });
}

function readWelcome(message: Buffer): Welcome {
  try {
    const [frame, ...more] = decodeMessage(message);
    if (frame?.type !== FRAME.welcome || frame.stream !== 0 || more.length > 0)
      throw new Error("No welcome.");
    return decodeJsonPayload(welcomeSchema, frame.payload);
  } catch (error) {
    throw new ConnectError("untrusted", "The gateway's first frame is not a welcome.", { cause: error });
  }
}

/** The key that the gateway has proved: the pinned one, or one that the pinned key vouches for. */
async function checkWelcome(options: {
  welcome: Welcome;
  claim: ConnectClaim;
  pinnedKey: string;
}): Promise<string> {
  const { welcome, claim, pinnedKey } = options;
  const { gatewayKey, signature, rotation } = welcome;
  const vouched =
    gatewayKey === pinnedKey ||
    (rotation !== undefined &&
      (await verify({
        publicKey: pinnedKey,
        signature: rotation.signature,
        message: rotationTranscript(gatewayKey),
      })));
  const message = welcomeTranscript(claim, welcome);
  if (!vouched || !(await verify({ publicKey: gatewayKey, signature, message }))) {
    throw new ConnectError("untrusted", "The gateway could not prove the key that this node pinned.");
  }
  if (welcome.protocol.min > PROTOCOL.max || welcome.protocol.max < PROTOCOL.min) {
    throw new ConnectError(
      "incompatible",
      "The gateway speaks another version of the protocol. Update this node.",
    );
  }
  return gatewayKey;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

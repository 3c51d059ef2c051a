import type { Env } from "../../env.ts";
import { randomBase64Url, toBase64Url } from "../../security/base64url.ts";
import { keyPairFromSeed, randomSeed, type SigningKeyPair, sign } from "../../security/ed25519.ts";
import { decodeMessage, FRAME, type Frame } from "../protocol/frames.ts";
import { challengeResponseSchema, enrolResponseSchema } from "../protocol/messages.ts";
import { CONNECT_HEADERS, type ConnectClaim, connectTranscript } from "../protocol/transcripts.ts";
import { handleTunnelRequest } from "../routes.ts";

export const HOST = "gateway.test";

/** A node that a test drives frame by frame, to say what no honest node would. */
export interface RawNode {
  nodeId: string;
  keys: SigningKeyPair;
  gatewayKey: string;
}

export interface RawSocket {
  socket: WebSocket;
  /** The next frame that was not read yet. */
  next(): Promise<Frame>;
  /** The next frame of this type; others are dropped. */
  nextOf(type: Frame["type"]): Promise<Frame>;
  send(...frames: Uint8Array[]): void;
  closed: Promise<{ code: number; reason: string }>;
}

export async function tunnelRequest(env: Env, path: string, init: RequestInit = {}): Promise<Response> {
  const response = await handleTunnelRequest(new Request(`https://${HOST}${path}`, init), env);
  if (response === null) throw new Error(`${path} is not a tunnel route.`);
  return response;
}

export async function enrolRaw(env: Env, token: string, keys: SigningKeyPair): Promise<Response> {
  const body = JSON.stringify({ token, publicKey: keys.publicKey, name: "raw" });
  return tunnelRequest(env, "/tunnel/enrol", { method: "POST", body });
}

export async function newKeys(): Promise<SigningKeyPair> {
  return keyPairFromSeed(randomSeed());
}

export async function joinRaw(env: Env, projects = ["default"]): Promise<RawNode> {
  const { token } = await env.FLEET.getByName("fleet").createJoinToken({ projects });
  const keys = await newKeys();
  const answer = enrolResponseSchema.parse(await (await enrolRaw(env, token, keys)).json());
  return { nodeId: answer.nodeId, gatewayKey: answer.gatewayKey, keys };
}

export async function challengeRaw(env: Env, nodeId: string) {
  const response = await tunnelRequest(env, `/tunnel/challenge/${nodeId}`, { method: "POST" });
  return challengeResponseSchema.parse(await response.json());
}

/** The upgrade request, with any part of the claim as the test likes it. */
export async function upgradeRaw(
  env: Env,
  node: RawNode,
  overrides: Partial<ConnectClaim> = {},
  signatureOverride?: string,
): Promise<Response> {
  const fresh = overrides.nonce === undefined ? await challengeRaw(env, node.nodeId) : null;
  const claim: ConnectClaim = {
    nonce: fresh?.nonce ?? "",
    generation: (fresh?.generation ?? 0) + 1,
    host: HOST,
    nodeId: node.nodeId,
    nodeNonce: randomBase64Url(24),
    ...overrides,
  };
  const signature = signatureOverride ?? (await sign(node.keys.privateKey, connectTranscript(claim)));
  return tunnelRequest(env, `/tunnel/connect/${node.nodeId}`, {
    headers: {
      upgrade: "websocket",
      [CONNECT_HEADERS.nonce]: claim.nonce,
      [CONNECT_HEADERS.generation]: String(claim.generation),
      [CONNECT_HEADERS.nodeNonce]: claim.nodeNonce,
      [CONNECT_HEADERS.signature]: signature,
    },
  });
}

/** Connects and reads the welcome. */
export async function connectRaw(env: Env, node: RawNode): Promise<RawSocket> {
  const response = await upgradeRaw(env, node);
  const socket = response.webSocket;
  if (socket === null) throw new Error(`The upgrade was refused with ${response.status}.`);
  const raw = readSocket(socket);
  await raw.nextOf(FRAME.welcome);
  return raw;
}

export function forgedSignature(): string {
  return toBase64Url(crypto.getRandomValues(new Uint8Array(64)));
}

function readSocket(socket: WebSocket): RawSocket {
  const frames: Frame[] = [];
  let wake: (() => void) | null = null;
  const closed = Promise.withResolvers<{ code: number; reason: string }>();
  socket.binaryType = "arraybuffer";
  socket.addEventListener("message", ({ data }) => {
    if (typeof data === "string") return;
    frames.push(...decodeMessage(new Uint8Array(data)));
    wake?.();
  });
  socket.addEventListener("close", ({ code, reason }) => closed.resolve({ code, reason }));
  socket.accept();
  const next = async (): Promise<Frame> => {
    for (;;) {
      const frame = frames.shift();
      if (frame !== undefined) return frame;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  return {
    socket,
    next,
    nextOf: async (type) => {
      for (;;) {
        const frame = await next();
        if (frame.type === type) return frame;
      }
    },
    send: (...parts) => {
      for (const part of parts) socket.send(part);
    },
    closed: closed.promise,
  };
}

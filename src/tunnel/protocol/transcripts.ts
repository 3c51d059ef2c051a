import { concatBytes, writeUint32 } from "./frames.ts";
import type { Welcome } from "./messages.ts";

/**
 * What both sides sign. Every field is preceded by its length, so that no two different sets of fields give the
 * same bytes, and the first field names the purpose, so that a signature made for one is worth nothing for another.
 */
function transcript(purpose: string, fields: readonly (string | number)[]): Uint8Array<ArrayBuffer> {
  const encoder = new TextEncoder();
  const parts: Uint8Array[] = [];
  for (const field of [purpose, ...fields]) {
    const bytes = encoder.encode(String(field));
    const length = new Uint8Array(4);
    writeUint32(length, 0, bytes.length);
    parts.push(length, bytes);
  }
  return concatBytes(parts);
}

export interface ConnectClaim {
  /** The gateway's single-use nonce. */
  nonce: string;
  /** The gateway's host with its port, as the node dialled it: a signature is worthless at another gateway. */
  host: string;
  nodeId: string;
  generation: number;
  /** The node's own nonce, which the welcome signs. */
  nodeNonce: string;
}

/** Signed by the node's key in `x-routelet-signature`. */
export function connectTranscript(claim: ConnectClaim): Uint8Array<ArrayBuffer> {
  return transcript("routelet/connect/v1", [
    claim.nonce,
    claim.host,
    claim.nodeId,
    claim.generation,
    claim.nodeNonce,
  ]);
}

/** Signed by the gateway's key in the welcome: answers the node's nonce and covers everything that it says. */
export function welcomeTranscript(
  claim: Omit<ConnectClaim, "nonce">,
  welcome: Pick<Welcome, "protocol" | "gatewayKey" | "maxStreams">,
): Uint8Array<ArrayBuffer> {
  return transcript("routelet/welcome/v1", [
    claim.nodeNonce,
    claim.host,
    claim.nodeId,
    claim.generation,
    welcome.gatewayKey,
    welcome.protocol.min,
    welcome.protocol.max,
    welcome.maxStreams,
  ]);
}

/** Signed by the gateway's previous key: vouches for the new one. */
export function rotationTranscript(newGatewayKey: string): Uint8Array<ArrayBuffer> {
  return transcript("routelet/gateway-rotation/v1", [newGatewayKey]);
}

/** The headers of the upgrade request, and of the hop from the Worker to the node's object. */
export const CONNECT_HEADERS = {
  nonce: "x-routelet-nonce",
  generation: "x-routelet-generation",
  nodeNonce: "x-routelet-node-nonce",
  signature: "x-routelet-signature",
} as const;

import { setTimeout as sleep } from "node:timers/promises";
import type { NodeState } from "../../../../src/tunnel/protocol/messages.ts";
import type { NodeHandler } from "../../serve/contract.ts";
import { enrol } from "../enrol.ts";
import type { Identity } from "../identity.ts";
import { openTunnel, type Tunnel, type TunnelEvent } from "../open-tunnel.ts";
import { proxyFetch } from "../proxy.ts";

export const IDLE_STATE: NodeState = {
  version: "test",
  models: [],
  slots: { total: 1, busy: 0, queued: 0, queueLimit: 4 },
  hardware: { platform: "test", cpu: "test", cores: 2, memoryBytes: 1, gpus: [] },
  draining: false,
};

export interface TestNode {
  tunnel: Tunnel;
  events: TunnelEvent[];
  /** As it was last saved. */
  identity(): Identity;
  /** Resolves with the first event of this type from now on or before. */
  event<T extends TunnelEvent["type"]>(type: T, count?: number): Promise<Extract<TunnelEvent, { type: T }>>;
}

/** Joins `gatewayUrl` with a fresh token and returns the identity. */
export async function joinGateway(gatewayUrl: string): Promise<Identity> {
  const answer: unknown = await (await fetch(`${gatewayUrl}/token`)).json();
  if (typeof answer !== "object" || answer === null || !("token" in answer))
    throw new Error("No token came.");
  return enrol({
    gatewayUrl,
    token: String(answer.token),
    name: "test",
    fetch: proxyFetch(),
    allowInsecureLan: false,
  });
}

export function startNode(options: {
  gatewayUrl: string;
  identity: Identity;
  handler: NodeHandler;
  state?: () => NodeState;
}): TestNode {
  const events: TunnelEvent[] = [];
  let saved = options.identity;
  const tunnel = openTunnel({
    gatewayUrl: options.gatewayUrl,
    identity: options.identity,
    saveIdentity: async (identity) => {
      saved = identity;
    },
    handler: options.handler,
    state: options.state ?? (() => IDLE_STATE),
    allowInsecureLan: false,
    onEvent: (event) => events.push(event),
    // Without the luck of the draw: the wait is a tenth of its ceiling.
    random: () => 0.1,
  });
  return {
    tunnel,
    events,
    identity: () => saved,
    event: async <T extends TunnelEvent["type"]>(type: T, count = 1) => {
      for (;;) {
        const found = events.filter(
          (event): event is Extract<TunnelEvent, { type: T }> => event.type === type,
        );
        const wanted = found[count - 1];
        if (wanted !== undefined) return wanted;
        await sleep(10);
      }
    },
  };
}

/** Waits until `check` holds; a test's own time limit ends a wait that never does. */
export async function until(check: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await check())) await sleep(10);
}

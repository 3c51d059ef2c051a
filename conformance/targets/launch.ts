import type { World } from "../case.ts";
import { startAimock } from "../upstream/aimock.ts";
import { startUpstreamServer, type UpstreamServer } from "../upstream/server.ts";
import { startLiteLlm } from "./litellm.ts";
import { startPortkeyTarget } from "./portkey.ts";
import { startRoutelet } from "./routelet.ts";

/** What stands behind the gateway under test. */
export interface Upstreams {
  openai: UpstreamServer;
  anthropic: UpstreamServer;
  /** The port of a healthy server that somebody else wrote. */
  healthyPort: number;
  close(): Promise<void>;
}

/** A gateway that was started for the suite. */
export interface Launched {
  name: string;
  target: World["target"];
  adminKey: string | null;
  close(): Promise<void>;
}

export type Launch = (upstreams: Upstreams) => Promise<Launched>;

export const TARGETS: Record<string, Launch> = {
  routelet: startRoutelet,
  portkey: startPortkeyTarget,
  litellm: startLiteLlm,
};

/** Starts what stands behind a gateway; 0 takes any free port. */
export async function startUpstreams(ports: { openai: number; anthropic: number }): Promise<Upstreams> {
  const [openai, anthropic, aimock] = await Promise.all([
    startUpstreamServer(ports.openai),
    startUpstreamServer(ports.anthropic),
    startAimock(),
  ]);
  return {
    openai,
    anthropic,
    healthyPort: aimock.port,
    async close() {
      await Promise.all([openai.close(), anthropic.close(), aimock.close()]);
    },
  };
}

/** The world of a suite: a gateway, and what stands behind it. */
export function worldOf(options: { launched: Launched; upstreams: Upstreams; strict: boolean }): World {
  const { launched, upstreams, strict } = options;
  return {
    target: launched.target,
    adminKey: launched.adminKey,
    servers: { openai: upstreams.openai, anthropic: upstreams.anthropic },
    healthyPort: upstreams.healthyPort,
    strict,
  };
}

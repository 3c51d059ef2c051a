import type { World } from "../case.ts";
import { startUpstreamServer, type UpstreamServer } from "../upstream/server.ts";
import { startLiteLlm } from "./litellm.ts";
import { startPortkeyTarget } from "./portkey.ts";
import { startRoutelet } from "./routelet.ts";

/** A gateway that was started for the suite, with the upstreams that it points at. */
export interface Launched {
  name: string;
  world: World;
  close(): Promise<void>;
}

export interface Upstreams {
  openai: UpstreamServer;
  anthropic: UpstreamServer;
}

export type Launch = (upstreams: Upstreams) => Promise<Omit<Launched, "close"> & { close(): Promise<void> }>;

export const TARGETS: Record<string, Launch> = {
  routelet: startRoutelet,
  portkey: startPortkeyTarget,
  litellm: startLiteLlm,
};

export async function startUpstreams(ports: { openai: number; anthropic: number }): Promise<Upstreams> {
  return {
    openai: await startUpstreamServer(ports.openai),
    anthropic: await startUpstreamServer(ports.anthropic),
  };
}

/** Starts a gateway by name. */
export async function launch(name: string): Promise<Launched> {
  const start = TARGETS[name];
  if (start === undefined)
    throw new Error(`--launch takes one of ${Object.keys(TARGETS).join(", ")}, not ${name}`);
  const upstreams = await startUpstreams({ openai: 0, anthropic: 0 });
  const started = await start(upstreams);
  return {
    ...started,
    async close() {
      await started.close();
      await Promise.all([upstreams.openai.close(), upstreams.anthropic.close()]);
    },
  };
}

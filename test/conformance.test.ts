import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { World } from "../conformance/case.ts";
import { changeSettings, phasesOf } from "../conformance/judge-all.ts";
import { judge, SUITE } from "../conformance/suite.ts";
import { startUpstreams, type Upstreams, worldOf } from "../conformance/targets/launch.ts";
import { startRoutelet } from "../conformance/targets/routelet.ts";

// The suite that scores any gateway, held against ours, each rule in each case: `npm run conformance -- --strict`.

vi.setConfig({ maxConcurrency: 12 });

/**
 * workerd on a socket of its own does not look at a connection's orderly close (FIN) until it writes to it, and to a call
 * that is not streamed nothing is written before its reply. Resets are seen, and streams find out with the next heartbeat.
 */
const UNSEEN_BY_WORKERD = /closes its connection while the backend is silent.*\bwhole\)/;

let upstreams: Upstreams;
let world: World;
let close: () => Promise<void>;
beforeAll(async () => {
  upstreams = await startUpstreams({ openai: 0, anthropic: 0 });
  const launched = await startRoutelet(upstreams);
  world = worldOf({ launched, upstreams, strict: true });
  close = launched.close;
});
afterAll(async () => {
  await close();
  await upstreams.close();
});

for (const phase of phasesOf(SUITE)) {
  const name = phase === "native" ? "native endpoints" : phase === "" ? "defaults" : `settings ${phase}`;
  describe(name, () => {
    if (phase.startsWith("{")) {
      let restore: () => Promise<void>;
      beforeAll(async () => {
        restore = await changeSettings(world, phase);
      });
      afterAll(() => restore());
    }
    for (const instance of SUITE.filter((one) => one.phase === phase))
      it.skipIf(UNSEEN_BY_WORKERD.test(instance.title)).concurrent(
        `trap ${instance.trap}: ${instance.title}`,
        async () => {
          expect((await judge(instance, world)).reason).toBeNull();
        },
      );
  });
}

import { afterAll, beforeAll, describe, it } from "vitest";
import type { Instance, World } from "./case.ts";
import { judgeAll } from "./judge-all.ts";
import { SUITE } from "./suite.ts";
import { startUpstreams, worldOf } from "./targets/launch.ts";
import { type BadGateway, startEmptyGateway, startNaiveProxy } from "./testing/bad-gateways.ts";

/** A bad gateway with upstreams of its own, so that tests side by side do not meet. */
async function behind(
  start: (ports: { openai: number; anthropic: number }) => Promise<BadGateway>,
): Promise<{ world: World; close(): Promise<void> }> {
  const upstreams = await startUpstreams({ openai: 0, anthropic: 0 });
  const gateway = await start({ openai: upstreams.openai.port, anthropic: upstreams.anthropic.port });
  const launched = {
    name: "bad",
    target: { baseUrl: gateway.url, key: "key" },
    adminKey: "key",
    close: gateway.close,
  };
  return {
    world: worldOf({ launched, upstreams, strict: false }),
    async close() {
      await Promise.all([gateway.close(), upstreams.close()]);
    },
  };
}

let empty: Awaited<ReturnType<typeof behind>>;
let naive: Awaited<ReturnType<typeof behind>>;
let translating: Awaited<ReturnType<typeof behind>>;
beforeAll(async () => {
  empty = await behind(startEmptyGateway);
  naive = await behind(startNaiveProxy);
  translating = await behind(startNaiveProxy);
});
afterAll(() => Promise.all([empty.close(), naive.close(), translating.close()]));

/** The ids of those that pass. */
async function passing(suite: readonly Instance[], world: World): Promise<string[]> {
  const verdicts = await judgeAll({ suite, world, inFlight: 64, onVerdict: () => undefined });
  return verdicts.filter(({ reason }) => reason === null).map(({ instance }) => instance.title);
}

const between = (client: string, backend: string) =>
  SUITE.filter(
    ({ title, phase }) =>
      phase !== "native" && !phase.startsWith("{") && title.includes(`(${client} client, ${backend} backend`),
  );

const trapsOf = (suite: readonly Instance[]): number[] => [...new Set(suite.map(({ trap }) => trap))];

describe.concurrent("the suite", () => {
  it("has cases of every trap, each of its own name", ({ expect }) => {
    expect(trapsOf(SUITE)).toEqual(Array.from({ length: 26 }, (_, trap) => trap));
    expect(new Set(SUITE.map(({ id }) => id)).size).toBe(SUITE.length);
    expect(new Set(SUITE.map(({ trap, title }) => `${trap} ${title}`)).size).toBe(SUITE.length);
  });

  it("has no case that a gateway passes which says yes to everything", { timeout: 60_000 }, async ({
    expect,
  }) => {
    expect(await passing(SUITE, empty.world)).toEqual([]);
  });

  it("sees all that a naive proxy does wrong", { timeout: 60_000 }, async ({ expect }) => {
    const suite = between("chat", "openai").filter(({ routeletOnly }) => !routeletOnly);
    const passed = await passing(suite, naive.world);
    const failed = suite.filter(({ title }) => !passed.includes(title));
    expect(trapsOf(failed)).toEqual([0, 1, 3, 4, 5, 6, 7, 11, 12, 16, 17, 18, 19, 22, 24]);
    // It gets right what needs no hand.
    for (const title of [
      "UTF-8 split across segments",
      "a reply passes byte for byte, spaces and fields that nobody knows included",
      "parallel tool calls arrive whole and apart",
      "stop is told in the client's own word",
      "a healthy server of another hand: text",
    ])
      expect(passed).toContainEqual(expect.stringContaining(title));
  });

  it("has no translation that a naive proxy passes", { timeout: 60_000 }, async ({ expect }) => {
    for (const [client, backend] of [
      ["messages", "openai"],
      ["responses", "openai"],
      ["chat", "anthropic"],
      ["responses", "anthropic"],
    ] as const)
      expect(
        await passing(
          between(client, backend).filter(({ trap }) => trap >= 8 && trap <= 16),
          translating.world,
        ),
      ).toEqual([]);
  });
});

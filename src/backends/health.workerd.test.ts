import { env } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import { RouteletError } from "../errors.ts";
import { DEFAULT_SETTINGS } from "../settings.ts";
import { healthKey, isBroken, noteOutcome, shareHealth } from "./health.ts";

const policy = { ...DEFAULT_SETTINGS.breaker, minRequests: 1, openMs: 60_000 };
const lost = new RouteletError({ kind: "upstream", code: "upstream_lost", message: "" });
const others = () => env.FLEET.getByName("fleet");

async function share(now: number): Promise<number> {
  const behind: Promise<unknown>[] = [];
  shareHealth({ env, now, waitUntil: (work) => behind.push(work) });
  await Promise.all(behind);
  return behind.length;
}

describe("what isolates find out about backends", () => {
  it("reaches the others with the next call, and comes from them within seconds", async () => {
    const now = Date.now() - 30_000;
    noteOutcome({ backend: "here", error: lost, at: now, policy });
    expect(await share(now)).toBe(1);
    expect(await others().exchangeHealth([])).toContainEqual({ backend: "here", phase: "open", since: now });

    await others().exchangeHealth([{ backend: "there", phase: "open", since: now }]);
    expect(await share(now + 1)).toBe(0);
    expect(isBroken({ backend: "there", at: now + 1, policy })).toBe(false);
    expect(await share(now + 5_000)).toBe(1);
    expect(isBroken({ backend: "there", at: now + 5_000, policy })).toBe(true);
    expect(isBroken({ backend: "here", at: now + 5_000, policy })).toBe(true);
  });

  it("is taken back when another isolate's probe went well", async () => {
    const now = Date.now() - 30_000;
    noteOutcome({ backend: "well", error: lost, at: now, policy });
    await share(now);
    await others().exchangeHealth([{ backend: "well", phase: "closed", since: now + 1 }]);
    await share(now + 10_000);
    expect(isBroken({ backend: "well", at: now + 10_000, policy })).toBe(false);
  });
});

describe("a backend's name", () => {
  it("threat: what a project's calls find out says nothing to another project's calls", () => {
    const cloud = { kind: "cloud", provider: "openai", model: "m" } as const;
    const node = { kind: "node", nodeId: "n", model: "m" } as const;
    for (const asked of [cloud, node]) expect(healthKey(asked, "a")).not.toBe(healthKey(asked, "b"));
  });
});

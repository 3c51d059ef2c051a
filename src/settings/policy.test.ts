import { describe, expect, it } from "vitest";
import { settingsSchema } from "../settings.ts";
import { policyFor } from "./policy.ts";

const settings = settingsSchema.parse({
  deadlines: { idleMs: 1_000 },
  fallbacks: ["openai/general"],
  models: [{ name: "fast", policy: { retries: { attempts: 0 }, deadlines: { firstByteMs: 500 } } }],
  keys: [
    { id: "key_a", policy: { retries: { attempts: 5 }, fallbacks: [], heartbeat: { comments: false } } },
  ],
});

describe("the policy of a call", () => {
  it("is the project's where nothing else is set", () => {
    expect(policyFor(settings, { model: "x", keyId: "key_b" })).toEqual(settings);
  });

  it("has what is set for the model, and of all else the project's", () => {
    const { retries, deadlines, fallbacks } = policyFor(settings, { model: "fast", keyId: "key_b" });
    expect(retries).toEqual({ ...settings.retries, attempts: 0 });
    expect(deadlines).toEqual({ ...settings.deadlines, firstByteMs: 500, idleMs: 1_000 });
    expect(fallbacks).toEqual(["openai/general"]);
  });

  it("has what is set for the key, before what is set for the model", () => {
    const policy = policyFor(settings, { model: "fast", keyId: "key_a" });
    expect(policy.retries.attempts).toBe(5);
    expect(policy.deadlines.firstByteMs).toBe(500);
    expect(policy.fallbacks).toEqual([]);
    expect(policy.heartbeat).toEqual({ ...settings.heartbeat, comments: false });
  });

  it.each([
    { keys: [{ id: "key_a", policy: { retries: { attempts: 11 } } }] },
    { keys: [{ id: "key_a", policy: { nonsense: 1 } }] },
    { models: [{ name: "fast", policy: { deadlines: { idle: 1 } } }] },
    { models: [{ name: "auto", targets: [{ model: "gpt-x" }] }] },
    { models: [{ name: "slm/tiny" }] },
    { cors: { origins: ["https://app.example.com/path"] } },
    { cors: { origins: ["app.example.com"] } },
    { providers: [{ name: "slm", baseUrl: "https://a.com" }] },
    { providers: [{ name: "own", headers: [{ name: "Authorization", value: "x" }] }] },
    { providers: [{ name: "own", headers: [{ name: "x", value: "a\r\nb: c" }] }] },
    { prices: [{ model: "gpt", from: "2026-01-01", inputPerMillion: 1, outputPerMillion: 1 }] },
  ])("refuses %j", (value) => {
    expect(settingsSchema.safeParse(value).success).toBe(false);
  });
});

import { describe, expect, it } from "vitest";
import { modelProfile } from "./model-profile.ts";

describe("modelProfile", () => {
  it.each([
    ["claude-3-haiku-20240307", 4_096, "free", "none", true, true, false],
    ["claude-3-5-sonnet-20241022", 8_192, "free", "none", true, true, false],
    ["claude-3-7-sonnet-latest", 64_000, "free", "budget", true, true, false],
    ["claude-opus-4-20250514", 32_000, "free", "budget", true, true, false],
    ["claude-opus-4-0", 32_000, "free", "budget", true, true, false],
    ["claude-sonnet-4-20250514", 64_000, "free", "budget", true, true, false],
    ["claude-opus-4-1-20250805", 32_000, "one", "budget", true, true, false],
    ["anthropic/claude-sonnet-4.5", 64_000, "one", "budget", true, true, true],
    ["claude-haiku-4-5-20251001", 64_000, "one", "budget", true, true, true],
    ["us.anthropic.claude-opus-4-5-20251101-v1:0", 64_000, "one", "budget", true, true, true],
    ["claude-opus-4-6", 128_000, "one", "adaptive", false, true, true],
    ["claude-sonnet-4-6", 128_000, "one", "adaptive", false, true, true],
    ["claude-opus-4-7", 128_000, "none", "adaptive", false, true, true],
    ["claude-opus-4-8", 128_000, "none", "adaptive", false, true, true],
    ["claude-sonnet-5", 128_000, "none", "adaptive", false, true, true],
    ["claude-opus-5", 128_000, "none", "adaptive", false, true, true],
    ["claude-fable-5", 128_000, "none", "adaptive", false, true, true],
    ["claude-haiku-5-5", 128_000, "none", "adaptive", false, true, true],
    ["claude-fable-5-1", 128_000, "none", "adaptive", false, false, true],
    ["claude-opus-5-5", 128_000, "none", "adaptive", false, false, true],
    ["claude-sonnet-5-5", 128_000, "none", "adaptive", false, false, true],
    ["claude-opus-7", 64_000, "free", "budget", true, true, true],
    ["claude-of-our-proxy", 64_000, "free", "budget", true, true, true],
    ["qwen3-8b", 4_096, "free", "budget", true, true, false],
  ])("%s", (model, maxOutput, sampling, thinking, prefill, forcedTools, structured) => {
    expect(modelProfile(model)).toMatchObject({
      maxOutput,
      sampling,
      thinking,
      prefill,
      forcedTools,
      structured,
    });
  });

  it.each([
    ["claude-opus-4-6", "omit", false],
    ["claude-opus-4-7", "disabled", false],
    ["claude-opus-4-8", "disabled", true],
    ["claude-sonnet-5", "disabled", true],
    ["claude-haiku-5-5", "disabled", true],
    ["claude-sonnet-5-5", "between_tools", true],
    ["claude-opus-5-5", null, true],
    ["claude-mythos-preview", null, true],
  ])("%s turns thinking off by %s, and takes a system turn: %s", (model, thinkingOff, midSystem) => {
    expect(modelProfile(model)).toMatchObject({ thinkingOff, midSystem });
  });
});

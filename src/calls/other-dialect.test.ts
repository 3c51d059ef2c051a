import { describe, expect, it } from "vitest";
import { lacksEndpoint } from "../backends/learned-endpoints.ts";
import { parseCompletionsCall } from "../dialects/openai-completions/parse.ts";
import { parseResponsesCall } from "../dialects/openai-responses/parse.ts";
import type { Env } from "../env.ts";
import { RouteletError } from "../errors.ts";
import type { PlannedAttempt } from "../routing/plan.ts";
import { DEFAULT_SETTINGS } from "../settings.ts";
import { inOtherDialect } from "./other-dialect.ts";

const BASE = "http://127.0.0.1:7/v1";
const planned: PlannedAttempt = {
  kind: "cloud",
  provider: "openai",
  model: "m",
  speaks: "openai-responses",
  firstByteMs: 1,
};
const call = (more: object = {}) =>
  parseResponsesCall(new TextEncoder().encode(JSON.stringify({ model: "m", input: "x", ...more })));
const failed = (code: string, message = "Not Found") =>
  new RouteletError({ kind: "upstream", code, message });

const other = (error: RouteletError, more: Partial<Parameters<typeof inOtherDialect>[0]> = {}) =>
  inOtherDialect({
    env: { OPENAI_BASE_URL: BASE } as Env,
    call: call(),
    planned,
    error,
    settings: DEFAULT_SETTINGS,
    now: 0,
    ...more,
  });

describe("inOtherDialect", () => {
  it.each(["backend_404", "backend_405", "backend_501", "upstream_invalid_reply"])(
    "asks a server without the endpoint (%s) in chat, and learns nothing until that works",
    (code) => {
      const instead = other(failed(code));
      expect(instead).toMatchObject({ attempt: { provider: "openai", speaks: "openai-chat" } });
      expect(lacksEndpoint({ baseUrl: BASE, dialect: "openai-responses", now: 0 })).toBe(false);
    },
  );

  it.each([
    [{ tools: [{ type: "web_search" }] }, "tools[0]", /`tools\[0\]` \(web_search\)/],
    [{ truncation: "auto" }, "truncation", /`truncation`/],
    [{ input: [{ role: "user", content: [{ type: "input_image" }] }] }, "input[0].content[0]", /image_url/],
  ])("refuses by name what chat cannot say: %j", (more, param, message) => {
    const instead = other(failed("backend_404"), { call: call(more) });
    expect(instead).toMatchObject({ refused: { kind: "invalid_request", status: 400, param } });
    expect(instead).toMatchObject({ refused: { message: expect.stringMatching(message) } });
  });

  it("keeps what was learned for the next calls", () => {
    const instead = other(failed("backend_404"), { env: { OPENAI_BASE_URL: `${BASE}/learned` } as Env });
    if (instead !== null && "learn" in instead) instead.learn();
    expect(lacksEndpoint({ baseUrl: `${BASE}/learned`, dialect: "openai-responses", now: 0 })).toBe(true);
  });

  it.each([
    ["a stream that was cut", failed("upstream_incomplete"), {}],
    ["an unknown model", failed("backend_404", "The model `m` does not exist"), {}],
    ["OpenAI itself", failed("backend_404"), { env: { OPENAI_API_KEY: "k" } as Env }],
    [
      "a reply that could not be read, to what chat cannot say",
      failed("upstream_invalid_reply"),
      { call: call({ truncation: "auto" }) },
    ],
    [
      "a call of a dialect without translation",
      failed("backend_404"),
      {
        call: parseCompletionsCall(new TextEncoder().encode('{"model":"m","prompt":"x"}')),
        planned: { ...planned, speaks: "openai-completions" },
      },
    ],
    ["a failure of another kind", failed("backend_500"), {}],
  ] as const)("takes %s for what it is", (_name, error, more) => {
    expect(other(error, more)).toBeNull();
  });
});

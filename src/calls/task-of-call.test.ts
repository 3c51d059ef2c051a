import { describe, expect, it } from "vitest";
import { openAiChat } from "../dialects/openai-chat/client.ts";
import type { Target } from "../routing/target.ts";
import { settingsSchema } from "../settings.ts";
import type { CallSession } from "./call-session.ts";
import { taskOf } from "./task-of-call.ts";

const bytes = (value: object) => new TextEncoder().encode(JSON.stringify(value)) as Uint8Array<ArrayBuffer>;
const CLOUD: Target = { kind: "llm", reference: "gpt-5-mini" };

function covered(options: { asked?: object; target?: Target; route?: string; audience?: string } = {}) {
  const { asked = {}, target = CLOUD, route = null, audience = "agent" } = options;
  const call = openAiChat.parse(
    bytes({ model: "gpt-5-mini", messages: [{ role: "user", content: "Where?" }], ...asked }),
  );
  const session = {
    caller: { projectId: "default", keyId: "k", audience },
    settings: settingsSchema.parse({}),
    task: "t",
    session: null,
    route,
  } as unknown as CallSession;
  return taskOf({ session, call, target })?.covered;
}

describe("what a task's certificate is about", () => {
  it("are agents' calls of a cloud model", () => {
    expect(covered()).toBe(true);
  });

  it("is no call that chooses its backend itself, or leaves the choice to the gateway", () => {
    expect(covered({ route: "llm" })).toBe(false);
    expect(covered({ target: { kind: "auto", slmId: null, reference: null } })).toBe(false);
  });

  it("is no call whose answer people read", () => {
    expect(covered({ audience: "human" })).toBe(false);
  });

  it("is no call for several answers, of which one would be judged", () => {
    expect(covered({ asked: { n: 2 } })).toBe(false);
    expect(covered({ asked: { n: 1 } })).toBe(true);
  });
});

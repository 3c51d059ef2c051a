import { describe, expect, it } from "vitest";
import { decodeMessage, MAX_PAYLOAD_BYTES } from "../../../src/tunnel/protocol/frames.ts";
import { decodeJsonPayload } from "../../../src/tunnel/protocol/json-payload.ts";
import { type NodeState, nodeStateSchema, type ServedModel } from "../../../src/tunnel/protocol/messages.ts";
import { encodeState, STATE_SETTLE_MS, StateSender } from "./state-sender.ts";
import { IDLE_STATE } from "./testing/node.ts";

function decode(frame: Uint8Array): NodeState {
  return decodeJsonPayload(nodeStateSchema, decodeMessage(frame)[0]?.payload ?? new Uint8Array());
}

function setUp() {
  let now = 1_000;
  let task: (() => void) | null = null;
  let due = 0;
  let busy = 0;
  const sent: { at: number; busy: number }[] = [];
  const sender = new StateSender({
    state: () => ({ ...IDLE_STATE, slots: { ...IDLE_STATE.slots, busy } }),
    send: (frame) => sent.push({ at: now, busy: decode(frame).slots.busy }),
    clock: {
      now: () => now,
      setTimeout: (run, ms) => {
        task = run;
        due = now + ms;
        return setTimeout(() => undefined, 0);
      },
    },
  });
  const advance = (ms: number): void => {
    now += ms;
    if (task === null || now < due) return;
    const run = task;
    task = null;
    run();
  };
  const set = (value: number): void => {
    busy = value;
    sender.changed();
  };
  return { sent, advance, set };
}

describe("the state of a node", () => {
  it("goes out at once the first time, then at most once in 5 s, the newest of it", () => {
    const { sent, advance, set } = setUp();
    set(0);
    set(1);
    advance(1_000);
    set(2);
    advance(3_999);
    expect(sent).toEqual([{ at: 1_000, busy: 0 }]);
    advance(1);
    expect(sent.slice(1)).toEqual([{ at: 6_000, busy: 2 }]);
    advance(60_000);
    set(3);
    advance(STATE_SETTLE_MS);
    expect(sent.slice(2)).toEqual([{ at: 66_000 + STATE_SETTLE_MS, busy: 3 }]);
  });

  it("of a call that is over soon goes out to nobody: the gateway would write it while the call waits", () => {
    const { sent, advance, set } = setUp();
    set(0);
    advance(60_000);
    set(1);
    advance(STATE_SETTLE_MS - 1);
    set(0);
    advance(60_000);
    expect(sent).toEqual([{ at: 1_000, busy: 0 }]);
  });

  it("goes out only when it changed, so that an idle object sleeps", () => {
    const { sent, advance, set } = setUp();
    set(0);
    set(1);
    set(0);
    advance(10_000);
    set(0);
    expect(sent).toHaveLength(1);
  });

  it("with more models than fit a frame leaves out the last ones", () => {
    const model: ServedModel = {
      id: "m",
      engine: "attach",
      loaded: true,
      fileSha256: "0".repeat(64),
      quantisation: "Q4_K_M",
      contextTokens: 4_096,
      capabilities: {
        chat: true,
        tools: true,
        jsonSchema: true,
        jsonObject: true,
        logprobs: true,
        images: false,
        audio: false,
        multipleChoices: false,
        logitBias: true,
        penalties: true,
        reasoning: false,
        embeddings: false,
        completions: false,
        suffix: false,
      },
      tokensPerSecond: 10,
    };
    const models = Array.from({ length: 256 }, (_, index) => ({
      ...model,
      id: `${index}-${"x".repeat(150)}`,
    }));
    const frame = encodeState({ ...IDLE_STATE, models });
    expect(frame.length).toBeLessThanOrEqual(MAX_PAYLOAD_BYTES + 9);
    const kept = decode(frame).models;
    expect(kept.length).toBeGreaterThan(50);
    expect(kept).toEqual(models.slice(0, kept.length));
  });
});

import { setTimeout as delay } from "node:timers/promises";
import { type Case, expects, type Scene } from "../case.ts";
import type { Step } from "../upstream/play.ts";
import { chunk, events, healthy, sse } from "../upstream/replies.ts";

const OK = { text: ["fine"] };
const MANY = { text: Array.from({ length: 60 }, (_, at) => `word ${at} `) };

const slowly = (all: readonly string[]): Step[] => all.flatMap((event) => [event, { waitMs: 100 }]);

async function noticed({ received }: Scene, withinMs: number): Promise<string | null> {
  if (received().length === 0) return "the request did not reach the backend";
  for (let waited = 0; waited < withinMs; waited += 100) {
    if (received()[0]?.left) return null;
    await delay(100);
  }
  return "the backend was not told";
}

/** The call's row once it is no longer running. */
async function recorded(scene: Scene): Promise<Record<string, unknown> | null> {
  for (let tries = 0; tries < 60; tries++) {
    const { data } = (await scene.admin("/api/calls?limit=100")) as { data: Record<string, unknown>[] };
    const call = data.find(({ requested_model }) => requested_model === scene.model);
    if (call !== undefined && call.outcome !== "running") return call;
    await delay(100);
  }
  return null;
}

/** Trap 22: a client that leaves takes its call along. */
export const leaving: readonly Case[] = [
  {
    trap: 22,
    title: "when the client leaves while tokens flow, the backend is told",
    streamed: [true],
    async run(scene) {
      scene.upstream({ steps: slowly(events(scene.backend, MANY)) });
      await scene.ask({}, { leaveAfterMs: 800 });
      return noticed(scene, 2_000);
    },
  },
  {
    trap: 22,
    title: "when the client's connection is reset while the backend is silent, the backend is told",
    async run(scene) {
      const { steps } = healthy(scene.backend, OK, scene.streamed);
      scene.upstream({ before: [{ waitMs: 5_000 }], steps });
      await scene.ask({}, { leaveAfterMs: 800, reset: true });
      return noticed(scene, 2_000);
    },
  },
  {
    trap: 22,
    title: "when the client closes its connection while the backend is silent, the backend is told",
    async run(scene) {
      const { steps } = healthy(scene.backend, OK, scene.streamed);
      scene.upstream({ before: [{ waitMs: 16_000 }], steps });
      await scene.ask({}, { leaveAfterMs: 800 });
      // A stream's sign of life finds out at the latest.
      return noticed(scene, 13_500);
    },
  },
  {
    trap: 22,
    title: "a client that left is recorded as cancelled, with the tokens so far",
    routeletOnly: true,
    streamed: [true],
    async run(scene) {
      // A backend that tells its tokens as they come; one that tells them at its end has told nothing yet.
      const told = MANY.text.map((content, at) =>
        sse(
          chunk({ ...(at === 0 ? { role: "assistant" } : {}), content }, null, {
            usage: { prompt_tokens: 20, completion_tokens: at + 1, total_tokens: 21 + at },
          }),
        ),
      );
      scene.upstream({ steps: slowly(scene.backend === "openai" ? told : events("anthropic", MANY)) });
      await scene.ask({}, { leaveAfterMs: 700 });
      const call = await recorded(scene);
      if (call === null) return "the call stays running";
      const usage = (call.usage ?? {}) as Record<string, unknown>;
      return expects({
        outcome: [call.outcome, "cancelled"],
        output: [Number(usage.output_tokens) > 0, true],
      });
    },
  },
];

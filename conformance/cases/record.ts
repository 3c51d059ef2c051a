import { setTimeout as delay } from "node:timers/promises";
import { type Case, expects, type Scene } from "../case.ts";
import { errorBody, events, healthy } from "../upstream/replies.ts";

const OK = { text: ["fine"] };

/** The call by its id, once it is no longer running. */
async function ended({ admin }: Scene, id: string | undefined): Promise<Record<string, unknown>> {
  for (let tries = 0; ; tries++) {
    const call = (await admin(`/api/calls/${id}`)) as Record<string, unknown>;
    if (call.outcome !== "running" || tries > 50) return call;
    await delay(100);
  }
}

const attemptsOf = (call: Record<string, unknown>): number =>
  Array.isArray(call.attempts) ? call.attempts.length : 0;

/** Traps 10 and 23: what stands on record. */
export const record: readonly Case[] = [
  {
    trap: 10,
    title: "what nobody has a price for costs null, not 0; tokens are counted with those from a cache",
    routeletOnly: true,
    async run(scene) {
      scene.upstream(healthy(scene.backend, OK, scene.streamed));
      const answered = await scene.ask();
      const call = await ended(scene, answered.headers["x-routelet-call"]);
      return expects({
        cost: [call.cost_usd, null],
        attempts: [attemptsOf(call), 1],
        tokens: [call.usage, { input_tokens: 20, cached_input_tokens: 8, output_tokens: 6 }],
      });
    },
  },
  {
    trap: 10,
    title: "attempts stand apart from their call",
    routeletOnly: true,
    streamed: [false],
    async run(scene) {
      scene.upstream((_request, turn) =>
        turn === 0
          ? { status: 503, steps: [errorBody(scene.backend, "restarting", "api_error")] }
          : healthy(scene.backend, OK, false),
      );
      const answered = await scene.ask();
      const call = await ended(scene, answered.headers["x-routelet-call"]);
      return expects({ outcome: [call.outcome, "done"], attempts: [attemptsOf(call), 2] });
    },
  },
  {
    trap: 23,
    title: "the call is on record from its dispatch on, and ended once",
    routeletOnly: true,
    streamed: [true],
    async run(scene) {
      const all = events(scene.backend, { text: ["one", "two"] });
      const at = all.findIndex((event) => event.includes("two"));
      scene.upstream({ steps: [...all.slice(0, at), { waitMs: 2_500 }, ...all.slice(at)] });
      const asking = scene.ask();
      let running: Record<string, unknown> | undefined;
      for (let tries = 0; tries < 20 && running === undefined; tries++) {
        await delay(100);
        const { data } = (await scene.admin("/api/calls?limit=100")) as { data: Record<string, unknown>[] };
        running = data.find(({ requested_model }) => requested_model === scene.model);
      }
      const answered = await asking;
      const call = await ended(scene, answered.headers["x-routelet-call"]);
      return expects({ before: [running?.outcome, "running"], after: [call.outcome, "done"] });
    },
  },
];

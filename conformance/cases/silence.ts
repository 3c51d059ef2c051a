import { type Case, expects, failsWell, type Scene } from "../case.ts";
import type { Answered } from "../client.ts";
import { errorBody, events } from "../upstream/replies.ts";

const OK = { text: ["fine"] };
const STREAMED = [true] as const;

/** Ten seconds by default, and what a coarse timer adds; the backends here are silent for fifteen. */
const LONGEST_MS = 13_500;

/** What keeps a stream alive, in the client's dialect: a `ping`, or a comment. */
function pulses(scene: Scene, answered: Answered): number {
  return scene.client === "messages"
    ? answered.events.filter(({ name }) => name === "ping").length
    : answered.comments;
}

/** Trap 3: a backend that thinks for long. Clients and proxies give up on what does not move. */
export const silence: readonly Case[] = [
  {
    trap: 3,
    title: "a stream whose backend is silent is kept alive before its headers",
    streamed: STREAMED,
    async run(scene) {
      scene.upstream({ before: [{ waitMs: 15_000 }], steps: events(scene.backend, OK) });
      const answered = await scene.ask();
      const first = answered.arrivals[0]?.atMs ?? Number.POSITIVE_INFINITY;
      if (first > LONGEST_MS) return `nothing came for ${Math.round(first)} ms`;
      if (pulses(scene, answered) === 0) return "what came first is no sign of life of the dialect";
      return scene.well(answered, "fine");
    },
  },
  {
    trap: 3,
    title: "a stream whose backend falls silent in the middle is kept alive",
    streamed: STREAMED,
    async run(scene) {
      const all = events(scene.backend, { text: ["one", "two"] });
      const second = all.findIndex((event) => event.includes("two"));
      scene.upstream({ steps: [...all.slice(0, second), { waitMs: 15_000 }, ...all.slice(second)] });
      const answered = await scene.ask();
      const gaps = answered.arrivals.map(({ atMs }, at) => atMs - (answered.arrivals[at - 1]?.atMs ?? 0));
      const longest = Math.max(...gaps);
      if (longest > LONGEST_MS) return `nothing came for ${Math.round(longest)} ms`;
      return scene.well(answered, "onetwo");
    },
  },
  {
    trap: 3,
    title: "who waits for the decision is told so, and the next attempt may still answer",
    streamed: STREAMED,
    routeletOnly: true,
    settings: { heartbeat: { after_ms: 400 } },
    async run(scene) {
      const all = events(scene.backend, OK);
      scene.upstream((_request, turn) =>
        turn === 0 ? { before: [{ waitMs: 1_500 }, { cut: true }], steps: [] } : { steps: all },
      );
      const answered = await scene.ask();
      if (pulses(scene, answered) === 0) return "no sign of life";
      return (
        scene.well(answered, "fine") ??
        expects({ servedBy: [answered.headers["x-routelet-served-by"], "pending"] })
      );
    },
  },
  {
    trap: 3,
    title: "a final failure after the first sign of life goes into the stream",
    streamed: STREAMED,
    routeletOnly: true,
    settings: { heartbeat: { after_ms: 400 } },
    async run(scene) {
      scene.upstream({
        status: 400,
        before: [{ waitMs: 1_500 }],
        steps: [errorBody(scene.backend, "the prompt is too odd", "invalid_request_error")],
      });
      const answered = await scene.ask();
      return (
        expects({
          status: [answered.status, 200],
          told: [answered.said.error?.message.includes("the prompt is too odd"), true],
          terminated: [answered.said.terminated, false],
        }) ?? scene.broken(answered)
      );
    },
  },
  {
    trap: 3,
    title: "comments can be turned off: a failure then keeps its status",
    clients: ["chat", "responses"],
    streamed: STREAMED,
    routeletOnly: true,
    settings: { heartbeat: { after_ms: 400, comments: false } },
    async run(scene) {
      scene.upstream({
        status: 400,
        before: [{ waitMs: 1_500 }],
        steps: [errorBody(scene.backend, "the prompt is too odd", "invalid_request_error")],
      });
      const answered = await scene.ask();
      return (
        failsWell(scene, answered, { from: 400, to: 400 }) ?? expects({ comments: [answered.comments, 0] })
      );
    },
  },
];

import { type Case, expects, failsWell, type Scene } from "../case.ts";
import { chunk, events, healthy, sse } from "../upstream/replies.ts";

const OK = { text: ["fine"] };
const STREAMED = [true] as const;

/** Two seconds to the first token, four between chunks, one try. */
const CLOCKS = {
  deadlines: { first_byte_ms: 2_000, idle_ms: 4_000 },
  retries: { attempts: 0 },
};

/** Its own head, without a word of content. */
function headOf({ backend }: Scene): string[] {
  const all = events(backend, OK);
  return all.slice(
    0,
    all.findIndex((event) => event.includes("fine")),
  );
}

/** Trap 20: time to headers, to the first token, and between chunks; each has a deadline. */
export const clocks: readonly Case[] = [
  {
    trap: 20,
    title: "a backend that never answers is given up",
    routeletOnly: true,
    settings: CLOCKS,
    async run(scene) {
      scene.upstream({ before: [{ waitMs: 9_000 }], steps: [] });
      const answered = await scene.ask();
      if (answered.totalMs > 6_000) return `it took ${Math.round(answered.totalMs)} ms`;
      return failsWell(scene, answered, { from: 500, to: 599 });
    },
  },
  {
    trap: 20,
    title: "a backend that sends its head and nothing more is given up: a role is no token",
    streamed: STREAMED,
    routeletOnly: true,
    settings: CLOCKS,
    async run(scene) {
      scene.upstream({ steps: [...headOf(scene), { waitMs: 9_000 }] });
      const answered = await scene.ask();
      if (answered.totalMs > 6_000) return `it took ${Math.round(answered.totalMs)} ms`;
      return failsWell(scene, answered, { from: 500, to: 599 });
    },
  },
  {
    trap: 20,
    title: "a whole reply that never ends is given up",
    streamed: [false],
    routeletOnly: true,
    settings: CLOCKS,
    async run(scene) {
      const body = healthy(scene.backend, OK, false).steps.join("");
      scene.upstream({ steps: [body.slice(0, 20), { waitMs: 12_000 }, body.slice(20)] });
      const answered = await scene.ask();
      if (answered.totalMs > 9_000) return `it took ${Math.round(answered.totalMs)} ms`;
      return failsWell(scene, answered, { from: 500, to: 599 });
    },
  },
  {
    trap: 20,
    title: "a stream that stops in its middle is given up, in the client's dialect",
    streamed: STREAMED,
    routeletOnly: true,
    settings: CLOCKS,
    async run(scene) {
      const all = events(scene.backend, { text: ["half", " of it"] });
      const at = all.findIndex((event) => event.includes("of it"));
      scene.upstream({ steps: [...all.slice(0, at), { waitMs: 12_000 }] });
      const answered = await scene.ask();
      if (answered.totalMs > 9_000) return `it took ${Math.round(answered.totalMs)} ms`;
      return (
        expects({
          text: [answered.said.text, "half"],
          error: [answered.said.error !== null, true],
          terminated: [answered.said.terminated, false],
        }) ?? scene.broken(answered)
      );
    },
  },
  {
    trap: 20,
    title: "reasoning counts as a first token",
    streamed: STREAMED,
    routeletOnly: true,
    settings: CLOCKS,
    async run(scene) {
      const all = events(scene.backend, { reasoning: ["hm"], text: ["fine"] });
      const at = all.findIndex((event) => event.includes("fine"));
      scene.upstream({ steps: [...all.slice(0, at), { waitMs: 3_000 }, ...all.slice(at)] });
      return scene.well(await scene.ask(), "fine");
    },
  },
  {
    trap: 20,
    title: "a role frame is no first token: the next attempt is made while nothing was said",
    backends: ["openai"],
    streamed: STREAMED,
    routeletOnly: true,
    async run(scene) {
      scene.upstream((_request, turn) =>
        turn === 0
          ? { steps: [sse(chunk({ role: "assistant", content: "" })), { waitMs: 200 }, { cut: true }] }
          : healthy("openai", OK, true),
      );
      return scene.well(await scene.ask(), "fine");
    },
  },
];

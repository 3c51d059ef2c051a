import { type Case, expects, failsWell, type Scene } from "../case.ts";
import type { Step } from "../upstream/play.ts";
import { events, healthy } from "../upstream/replies.ts";

const OK = { text: ["fine"] };
const HALF = { text: ["half", " of it"] };
const STREAMED = [true] as const;

/** The events before the first that brings content. */
function beforeContent({ backend }: Scene): string[] {
  const all = events(backend, OK);
  return all.slice(
    0,
    all.findIndex((event) => event.includes("fine")),
  );
}

/** The events of a stream that has said half. */
export function halfOf({ backend }: Scene): string[] {
  const all = events(backend, HALF);
  return all.slice(
    0,
    all.findIndex((event) => event.includes("of it")),
  );
}

/** A stream that broke in its middle: what was said stays, an error ends it, and nothing else does. */
async function breaks(
  scene: Scene,
  script: { steps: readonly Step[]; unframed?: boolean },
): Promise<string | null> {
  scene.upstream(script);
  const answered = await scene.ask();
  return (
    expects({
      status: [answered.status, 200],
      text: [answered.said.text, "half"],
      error: [answered.said.error !== null, true],
      terminated: [answered.said.terminated, false],
    }) ?? scene.broken(answered)
  );
}

/** Traps 17 and 19: what a reply that breaks becomes, before its first content and after it. */
export const commit: readonly Case[] = [
  {
    trap: 17,
    title: "a failure before the first content is a true status, not a broken stream",
    streamed: STREAMED,
    async run(scene) {
      scene.upstream({ steps: [...beforeContent(scene), { cut: true }] });
      return failsWell(scene, await scene.ask(), { from: 500, to: 599 });
    },
  },
  {
    trap: 17,
    title: "a stream that ends before its first content is a failure, not an empty reply",
    streamed: STREAMED,
    async run(scene) {
      scene.upstream({ steps: beforeContent(scene) });
      return failsWell(scene, await scene.ask(), { from: 500, to: 599 });
    },
  },
  {
    trap: 17,
    title: "an empty stream is a failure",
    streamed: STREAMED,
    async run(scene) {
      scene.upstream({ steps: [] });
      return failsWell(scene, await scene.ask(), { from: 500, to: 599 });
    },
  },
  {
    trap: 17,
    title: "a whole reply that is cut is a failure",
    streamed: [false],
    async run(scene) {
      const body = healthy(scene.backend, OK, false).steps.join("");
      scene.upstream({ steps: [body.slice(0, body.length / 2), { waitMs: 30 }, { cut: true }] });
      return failsWell(scene, await scene.ask(), { from: 500, to: 599 });
    },
  },
  {
    trap: 17,
    title: "a whole reply that is shorter than its length says is a failure",
    streamed: [false],
    async run(scene) {
      const body = healthy(scene.backend, OK, false).steps.join("");
      scene.upstream({ headers: [`content-length: ${Buffer.byteLength(body) + 50}`], steps: [body] });
      return failsWell(scene, await scene.ask(), { from: 500, to: 599 });
    },
  },
  {
    trap: 17,
    title: "nothing of an attempt that failed is seen once the next one answers",
    routeletOnly: true,
    async run(scene) {
      const steps = scene.streamed ? beforeContent(scene) : [];
      scene.upstream((_request, turn) =>
        turn === 0
          ? { steps: [...steps, { waitMs: 20 }, { cut: true }] }
          : healthy(scene.backend, OK, scene.streamed),
      );
      const answered = await scene.ask();
      return scene.well(answered, "fine") ?? expects({ attempts: [scene.received().length, 2] });
    },
  },
  {
    trap: 19,
    title: "a stream that ends without its terminator is a failure",
    streamed: STREAMED,
    run: (scene) => breaks(scene, { steps: halfOf(scene) }),
  },
  {
    trap: 19,
    title: "a stream whose connection closes in the middle is a failure",
    streamed: STREAMED,
    run: (scene) => breaks(scene, { steps: halfOf(scene), unframed: true }),
  },
  {
    trap: 19,
    title: "a connection that is reset in the middle is a failure",
    streamed: STREAMED,
    run: (scene) => breaks(scene, { steps: [...halfOf(scene), { waitMs: 50 }, { cut: true }] }),
  },
  {
    trap: 19,
    title: "a stream that is cut in the middle of an event is a failure",
    streamed: STREAMED,
    run: (scene) =>
      breaks(scene, {
        steps: [...halfOf(scene), 'data: {"id":"chatcmpl-ups', { waitMs: 50 }, { cut: true }],
      }),
  },
  {
    trap: 19,
    title: "one malformed event is skipped",
    streamed: STREAMED,
    async run(scene) {
      const all = events(scene.backend, { text: ["a", "b"] });
      const broken =
        scene.backend === "openai"
          ? 'data: {"id": "x", "cho\n\n'
          : 'event: content_block_delta\ndata: {"type": "con\n\n';
      const at = all.findIndex((event) => event.includes('"b"'));
      scene.upstream({ steps: [...all.slice(0, at), broken, ...all.slice(at)] });
      return scene.well(await scene.ask(), "ab");
    },
  },
];

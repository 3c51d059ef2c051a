import { ask } from "../ask.ts";
import { type Case, expects } from "../case.ts";
import type { Dialect } from "../client.ts";
import { arrivedAt } from "../client.ts";
import { type Backend, events, healthy } from "../upstream/replies.ts";

const WORDS = { text: ["Grüße ", "👋 aus ", "Zürich"] };

/** Which dialects meet themselves. */
const SAME: readonly (readonly [client: Dialect, backend: Backend])[] = [
  ["chat", "openai"],
  ["responses", "responses"],
  ["messages", "anthropic"],
];

const USAGE_ASKED = { stream_options: { include_usage: true } };

/** Trap 2: the same dialect on both sides, and nothing held back. */
export const passThrough: readonly Case[] = [
  ...SAME.flatMap(([client, backend]): Case[] => [
    {
      trap: 2,
      title: "a reply passes byte for byte, spaces and fields that nobody knows included",
      clients: [client],
      backends: [backend],
      async run(scene) {
        const body = healthy(backend, WORDS, scene.streamed)
          .steps.join("")
          .replaceAll('"object":', '"x_vendor":{"a":1.50},"object" :  ')
          .replaceAll('"text":', '"text" :  ');
        scene.upstream({ steps: [body] });
        const answered = await scene.ask({
          extra: scene.client === "chat" && scene.streamed ? USAGE_ASKED : {},
        });
        return expects({ bytes: [answered.body.toString(), body] });
      },
    },
    {
      trap: 2,
      title: "a request passes with fields that the gateway does not know, numbers as they were written",
      clients: [client],
      backends: [backend],
      streamed: [false],
      async run(scene) {
        scene.healthy(WORDS);
        const { model } = scene;
        const body = JSON.stringify(
          ask(client, { model, stream: false, extra: { x_vendor: { seed: "SEED" } } }),
        );
        // Beyond what a number of JavaScript can hold.
        const written = body.replace('"SEED"', "12345678901234567890.10");
        const answered = await scene.sendBytes(Buffer.from(written));
        const [request] = scene.received();
        if (request === undefined) return `the backend was not asked: ${answered.status}`;
        return expects({
          status: [answered.status, 200],
          field: [request.bytes.toString().includes('"x_vendor":{"seed":12345678901234567890.10}'), true],
        });
      },
    },
  ]),
  {
    trap: 2,
    title: "events are not held back: each is there when its backend has sent it",
    backends: ["openai", "anthropic"],
    streamed: [true],
    async run(scene) {
      const all = events(scene.backend, { text: ["one", "two"] });
      const at = all.findIndex((event) => event.includes("two"));
      scene.upstream({ steps: [...all.slice(0, at), { waitMs: 1_500 }, ...all.slice(at)] });
      const answered = await scene.ask();
      const [first, second] = [arrivedAt(answered, "one"), arrivedAt(answered, "two")];
      // Both together are what was held back; how long either took is the machine's load.
      if (first === null || second === null || second - first < 700)
        return `the second word came ${Math.round((second ?? 0) - (first ?? 0))} ms after the first, which was sent 1,500 ms before it`;
      return scene.well(answered, "onetwo");
    },
  },
  {
    trap: 2,
    title: "several choices pass, and each keeps its own",
    clients: ["chat"],
    backends: ["openai"],
    streamed: [true],
    async run(scene) {
      // Each choice has all that a stream of one has, its role and its end included.
      const body = healthy("openai", WORDS, true)
        .steps.map(String)
        .flatMap((event) =>
          event.includes('"choices":[{') ? [event, event.replace('{"index":0', '{"index":1')] : [event],
        )
        .join("");
      scene.upstream({ steps: [body] });
      const answered = await scene.ask({ extra: { n: 2, ...USAGE_ASKED } });
      return expects({ n: [scene.received()[0]?.body.n, 2], bytes: [answered.body.toString(), body] });
    },
  },
];

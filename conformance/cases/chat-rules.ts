import { type Case, expects } from "../case.ts";
import { chunk, events, sse } from "../upstream/replies.ts";

const STREAMED = [true] as const;
const WORDS = { text: ["a", "b"] };

/** Traps 4 and 5: what holds of every stream, whatever its backend does. */
export const chatRules: readonly Case[] = [
  ...(
    [
      ["as every healthy backend does", (all: readonly string[]) => all],
      ["also where the backend sends two", (all: readonly string[]) => [...all, all.at(-1) ?? ""]],
      [
        "also where the backend ends without one after its reason to stop",
        (all: readonly string[]) => all.slice(0, -1),
      ],
    ] as const
  ).map(
    ([how, frame]): Case => ({
      trap: 4,
      title: `the dialect's own terminator comes once and last, ${how}`,
      streamed: STREAMED,
      async run(scene) {
        scene.upstream({ steps: frame(events(scene.backend, WORDS)) });
        return scene.well(await scene.ask(), "ab");
      },
    }),
  ),
  {
    trap: 5,
    title: "a healthy stream keeps the rules of its chunks",
    clients: ["chat"],
    streamed: STREAMED,
    async run(scene) {
      scene.healthy(WORDS);
      return scene.well(await scene.ask(), "ab");
    },
  },
  {
    trap: 5,
    title: "two calls have ids of their own",
    clients: ["chat"],
    backends: ["anthropic"],
    async run(scene) {
      scene.upstream((_request, turn) => {
        const steps = scene.streamed ? events("anthropic", WORDS) : [];
        const script = scene.streamed ? steps : [];
        return script.length > 0
          ? { steps: script.map((step) => step.replace("msg_upstream", `msg_upstream_${turn}`)) }
          : {
              steps: [
                JSON.stringify({
                  id: `msg_upstream_${turn}`,
                  type: "message",
                  role: "assistant",
                  model: "upstream-model",
                  content: [{ type: "text", text: "ab" }],
                  stop_reason: "end_turn",
                  stop_sequence: null,
                  usage: { input_tokens: 3, output_tokens: 2 },
                }),
              ],
            };
      });
      const [one, two] = await Promise.all([scene.ask(), scene.ask()]);
      return (
        scene.well(one, "ab") ??
        scene.well(two, "ab") ??
        (one.said.id === two.said.id ? `both have the id ${one.said.id}` : null)
      );
    },
  },
  ...(
    [
      [
        "id and time that change, a role in every chunk, an empty reason to stop",
        [
          sse(chunk({ role: "assistant", content: "a" }, "", { id: "id-1", created: 1 })),
          sse(chunk({ role: "assistant", content: "b" }, "", { id: "id-2", created: 2 })),
          sse(chunk({ role: "assistant" }, "stop", { id: "id-3", created: 3 })),
        ],
      ],
      [
        "no id, no time and no model",
        ["a", "b"].map((content, at) =>
          sse({
            choices: [
              {
                index: 0,
                delta: { content, ...(at === 0 ? { role: "assistant" } : {}) },
                finish_reason: at === 0 ? null : "stop",
              },
            ],
          }),
        ),
      ],
      [
        "no role at all",
        [sse(chunk({ content: "a" })), sse(chunk({ content: "b" })), sse(chunk({}, "stop"))],
      ],
      [
        "a reason to stop on the last content, and again after it",
        [
          sse(chunk({ role: "assistant", content: "a" })),
          sse(chunk({ content: "b" }, "stop")),
          sse(chunk({}, "stop")),
        ],
      ],
      [
        "a delta that is null, and one that is missing",
        [
          sse(chunk({ role: "assistant", content: "a" })),
          sse(chunk({}, null, { choices: [{ index: 0, delta: null, finish_reason: null }] })),
          sse(chunk({ content: "b" })),
          sse(chunk({}, null, { choices: [{ index: 0, finish_reason: "stop" }] })),
        ],
      ],
    ] as const
  ).map(
    ([how, steps]): Case => ({
      trap: 5,
      title: `a stream is mended that has ${how}`,
      backends: ["openai"],
      streamed: STREAMED,
      async run(scene) {
        scene.upstream({ steps: [...steps, sse("[DONE]")] });
        const answered = await scene.ask();
        return scene.well(answered, "ab") ?? expects({ ended: [answered.said.end !== null, true] });
      },
    }),
  ),
];

import { type Case, expects } from "../case.ts";
import { events, healthy } from "../upstream/replies.ts";
import { CALL, shape, TOOLS } from "./tool-index.ts";

const AT_ONCE = 12;

/** What several calls at once must not do, and what a server that somebody else wrote says. */
export const together: readonly Case[] = [
  {
    trap: 0,
    title: "replies of calls at once do not mix",
    async run(scene) {
      scene.upstream(({ bytes }) => {
        const word = /word-\d+/.exec(bytes.toString())?.[0] ?? "none";
        const saying = { text: Array.from({ length: 8 }, () => `${word} `) };
        if (!scene.streamed)
          return { before: [{ waitMs: 100 }], steps: healthy(scene.backend, saying, false).steps };
        return { steps: events(scene.backend, saying).flatMap((event) => [event, { waitMs: 15 }]) };
      });
      const asked = Array.from({ length: AT_ONCE }, (_, at) => `word-${at + 10}`);
      const answers = await Promise.all(
        asked.map((word) => scene.ask({ turns: [{ role: "user", text: word }] })),
      );
      for (const [at, answered] of answers.entries()) {
        const wrong = scene.well(answered, `${asked[at]} `.repeat(8));
        if (wrong !== null) return `call ${at}: ${wrong}`;
      }
      return null;
    },
  },
  ...(
    [
      ["text", { text: "Hello from aimock.", reasoning: "", calls: [] }],
      ["reasoning and text", { text: "Thought through.", reasoning: "Let me think.", calls: [] }],
      ["a tool call", { text: "", reasoning: "", calls: [CALL] }],
    ] as const
  ).map(
    ([what, { text, reasoning, calls }]): Case => ({
      trap: 0,
      title: `a healthy server of another hand: ${what}`,
      async run(scene) {
        const { healthyPort } = scene.world;
        if (healthyPort === null) return "no such server runs";
        scene.upstream({ forwardTo: healthyPort, steps: [] });
        const answered = await scene.ask({ ...TOOLS, turns: [{ role: "user", text: `aimock: ${what}` }] });
        return (
          scene.well(answered, text) ??
          expects({
            reasoning: [answered.said.reasoning, reasoning],
            calls: [shape(answered.said.calls), shape(calls)],
          })
        );
      },
    }),
  ),
];

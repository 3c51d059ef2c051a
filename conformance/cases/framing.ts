import type { Case } from "../case.ts";
import type { Step } from "../upstream/play.ts";
import { events, pieces, sse } from "../upstream/replies.ts";

const WORDS = { text: ["Grüße ", "👋 aus ", "Zürich"] };
const ALL = WORDS.text.join("");

/** What a server may do with the bytes of a healthy stream, by the event-stream's own rules. */
const FRAMINGS: Record<string, (all: readonly string[]) => Step[]> = {
  "CRLF line ends": (all) => [all.join("").replaceAll("\n", "\r\n")],
  "CRLF split between segments": (all) =>
    all.flatMap((event) => event.replaceAll("\n", "\r\n").split(/(?<=\r)/)),
  "UTF-8 split across segments": (all) => pieces(all.join(""), 7),
  "the whole stream in one segment": (all) => [all.join("")],
  "comments between events": (all) => all.flatMap((event) => [": PROCESSING\n\n", event]),
  "comments within an event": (all) => all.map((event) => event.replace(/^data:/m, ": keep-alive\ndata:")),
  "an event of several data lines": (all) =>
    all.map((event) => event.replace(/^data: \{"/m, 'data: {\ndata: "')),
  "no blank after the colon": (all) => all.map((event) => event.replaceAll(/^(data|event): /gm, "$1:")),
  "a byte order mark at the start": (all) => ["\u{feff}", ...all],
  "id and retry fields": (all) => all.map((event, at) => `id: ${at}\nretry: 1000\n${event}`),
  "a last event without its blank line": (all) => [...all.slice(0, -1), all.at(-1)?.trimEnd() ?? ""],
  "a last event without its blank line, and no end of the body but the connection's": (all) => [
    ...all.slice(0, -1),
    all.at(-1)?.trimEnd() ?? "",
  ],
};

/** Trap 1: what stands between the bytes and the events. */
export const framing: readonly Case[] = [
  ...Object.entries(FRAMINGS).map(
    ([title, frame]): Case => ({
      trap: 1,
      title,
      streamed: [true],
      async run(scene) {
        scene.upstream({
          steps: frame(events(scene.backend, WORDS)),
          unframed: title.includes("the connection's"),
        });
        return scene.well(await scene.ask(), ALL);
      },
    }),
  ),
  {
    trap: 1,
    title: "events that name no type of theirs are skipped, not passed as content",
    backends: ["anthropic"],
    streamed: [true],
    async run(scene) {
      const all = events("anthropic", WORDS);
      const unknown = `event: future_event\n${sse({ type: "future_event", text: "not content" })}`;
      scene.upstream({ steps: [...all.slice(0, 4), unknown, ...all.slice(4)] });
      const answered = await scene.ask();
      // In its own dialect it may pass as it is; the reader names it, which is no fault of framing.
      if (scene.client === "messages")
        return answered.said.text === ALL && answered.said.terminated ? null : "the stream broke";
      return scene.well(answered, ALL);
    },
  },
];

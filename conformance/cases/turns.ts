import { WEATHER } from "../ask.ts";
import { type Case, expects } from "../case.ts";
import { type Json, objects } from "../said.ts";
import { healthy } from "../upstream/replies.ts";
import { CALL, OTHER, TOOLS } from "./tool-index.ts";

const PICTURE = "iVBORw0KGgo=";

/** The messages that a backend got, in either dialect. */
export const messagesOf = (body: Json | undefined): Json[] => objects(body?.messages);

const ANTHROPIC_RESULTS: Json[] = [
  { role: "user", content: "Weather in both?" },
  {
    role: "assistant",
    content: [
      { type: "text", text: "Looking." },
      { type: "tool_use", id: CALL.id, name: CALL.name, input: { city: "Zürich" } },
      { type: "tool_use", id: OTHER.id, name: OTHER.name, input: { city: "Bern" } },
    ],
  },
];

/** Trap 14: the results of tools reach the backend as its dialect wants them. */
export const turns: readonly Case[] = [
  {
    trap: 14,
    title: "results of parallel calls reach the backend as its dialect wants them",
    async run(scene) {
      scene.healthy({ text: ["done"] });
      const answered = await scene.ask({
        ...TOOLS,
        turns: [
          { role: "user", text: "Weather in both?" },
          { role: "assistant", calls: [CALL, OTHER] },
          { role: "tool", id: CALL.id, text: "sunny" },
          { role: "tool", id: OTHER.id, text: "rain" },
          { role: "user", text: "And now?" },
        ],
      });
      const wrong = scene.well(answered, "done");
      if (wrong !== null) return wrong;
      const got = messagesOf(scene.received().at(-1)?.body);
      if (scene.backend === "openai") {
        const results = got.filter(({ role }) => role === "tool");
        return expects({
          roles: [got.map(({ role }) => role), ["user", "assistant", "tool", "tool", "user"]],
          ids: [results.map(({ tool_call_id }) => tool_call_id), [CALL.id, OTHER.id]],
        });
      }
      // Passed as the client wrote it.
      if (scene.client === "messages") return null;
      return expects({
        roles: [got.map(({ role }) => role), ["user", "assistant", "user"]],
        blocks: [objects(got[2]?.content).map(({ type }) => type), ["tool_result", "tool_result", "text"]],
      });
    },
  },
  {
    trap: 14,
    title: "results and words of one user turn become tool messages first, then the user's",
    clients: ["messages"],
    backends: ["openai"],
    streamed: [false],
    async run(scene) {
      scene.healthy({ text: ["done"] });
      const answered = await scene.ask({
        ...TOOLS,
        extra: {
          messages: [
            ...ANTHROPIC_RESULTS,
            {
              role: "user",
              content: [
                { type: "tool_result", tool_use_id: CALL.id, content: [{ type: "text", text: "sunny" }] },
                { type: "tool_result", tool_use_id: OTHER.id, content: "no data", is_error: true },
                { type: "text", text: "And now?" },
              ],
            },
          ],
        },
      });
      const got = messagesOf(scene.received().at(-1)?.body);
      const said = JSON.stringify(got);
      return (
        scene.well(answered, "done") ??
        expects({
          roles: [got.map(({ role }) => role), ["user", "assistant", "tool", "tool", "user"]],
          calls: [objects(got[1]?.tool_calls).map(({ id }) => id), [CALL.id, OTHER.id]],
          words: [["Looking.", "sunny", "no data", "And now?"].filter((words) => !said.includes(words)), []],
        })
      );
    },
  },
  {
    trap: 14,
    title: "a picture in a tool's result is not lost",
    clients: ["messages"],
    streamed: [false],
    async run(scene) {
      scene.healthy({ text: ["done"] });
      const image = { type: "image", source: { type: "base64", media_type: "image/png", data: PICTURE } };
      const answered = await scene.ask({
        ...TOOLS,
        extra: {
          messages: [
            ANTHROPIC_RESULTS[0],
            {
              role: "assistant",
              content: [{ type: "tool_use", id: CALL.id, name: CALL.name, input: { city: "Zürich" } }],
            },
            {
              role: "user",
              content: [
                {
                  type: "tool_result",
                  tool_use_id: CALL.id,
                  content: [{ type: "text", text: "a map" }, image],
                },
              ],
            },
          ],
        },
      });
      const sent = scene.received().at(-1);
      return (
        scene.well(answered, "done") ??
        expects({ sent: [sent?.bytes.includes(PICTURE), true], words: [sent?.bytes.includes("a map"), true] })
      );
    },
  },
  {
    trap: 14,
    title: "ids and names that the backend's dialect forbids are mapped, and mapped back",
    clients: ["chat", "responses"],
    backends: ["anthropic"],
    async run(scene) {
      const name = "weather.now";
      scene.upstream(({ body }) => {
        const [tool] = objects(body.tools);
        const call = { id: "toolu_1", name: String(tool?.name), arguments: CALL.arguments };
        return healthy("anthropic", { calls: [call] }, scene.streamed);
      });
      const answered = await scene.ask({
        tools: [{ ...WEATHER, name }],
        turns: [
          { role: "user", text: "Weather?" },
          { role: "assistant", calls: [{ ...CALL, name, id: "call:a.b" }] },
          { role: "tool", id: "call:a.b", text: "sunny" },
        ],
      });
      const body = scene.received().at(-1)?.body;
      const [, said, result] = messagesOf(body);
      const [use] = objects(said?.content);
      const [back] = objects(result?.content);
      if (!/^[a-zA-Z0-9_-]+$/.test(String(use?.id))) return `the backend got the id ${String(use?.id)}`;
      if (!/^[a-zA-Z0-9_-]+$/.test(String(objects(body?.tools)[0]?.name)))
        return "the backend got a forbidden name";
      return (
        scene.well(answered, "") ??
        expects({ ids: [back?.tool_use_id, use?.id], name: [answered.said.calls[0]?.name, name] })
      );
    },
  },
];

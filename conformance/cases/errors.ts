import { type Case, expects, failsWell } from "../case.ts";
import { errorBody, sse } from "../upstream/replies.ts";
import { halfOf } from "./commit.ts";

const WHOLE = [false] as const;
const STREAMED = [true] as const;
const JSON_TYPE = ["content-type: application/json"];

/** An error within a stream, as servers write it. */
const inBand = (backend: string, message: string): string =>
  backend === "openai"
    ? sse({ error: { message, type: "server_error", code: 500 } })
    : `event: error\n${sse({ type: "error", error: { type: "overloaded_error", message } })}`;

/** The statuses that a backend refuses with, each kept. */
const STATUSES = [400, 401, 403, 404, 413, 422, 429, 500, 503, 529];

/** Statuses that tell the gateway's operator something, and its client only that its backend failed. */
const OPERATORS: Record<number, readonly number[]> = { 401: [401, 500, 502], 403: [403, 500, 502] };

/** Trap 18: errors come in the client's dialect, wherever and however the backend said them. */
export const errors: readonly Case[] = [
  {
    trap: 18,
    title: "an error after the first content comes in the client's dialect, and ends the stream",
    streamed: STREAMED,
    async run(scene) {
      scene.upstream({ steps: [...halfOf(scene), { waitMs: 30 }, inBand(scene.backend, "engine died")] });
      const answered = await scene.ask();
      return (
        expects({
          status: [answered.status, 200],
          text: [answered.said.text, "half"],
          told: [answered.said.error?.message.includes("engine died"), true],
          terminated: [answered.said.terminated, false],
        }) ?? scene.broken(answered)
      );
    },
  },
  {
    trap: 18,
    title: "an error as the first event of a stream is a true status",
    streamed: STREAMED,
    async run(scene) {
      scene.upstream({ steps: [inBand(scene.backend, "engine died")] });
      const answered = await scene.ask();
      return (
        failsWell(scene, answered, { from: 500, to: 599 }) ??
        expects({ told: [answered.said.error?.message.includes("engine died"), true] })
      );
    },
  },
  {
    trap: 18,
    title: "a terminator after an error does not make it a success",
    streamed: STREAMED,
    async run(scene) {
      const end =
        scene.backend === "openai" ? sse("[DONE]") : `event: message_stop\n${sse({ type: "message_stop" })}`;
      scene.upstream({ steps: [...halfOf(scene), inBand(scene.backend, "engine died"), end] });
      const answered = await scene.ask();
      return (
        expects({
          told: [answered.said.error?.message.includes("engine died"), true],
          terminated: [answered.said.terminated, false],
        }) ?? scene.broken(answered)
      );
    },
  },
  {
    trap: 18,
    title: "a 200 whose body is an error is a failure",
    async run(scene) {
      scene.upstream({
        headers: JSON_TYPE,
        steps: [errorBody(scene.backend, "out of memory", "server_error")],
      });
      const answered = await scene.ask();
      return (
        failsWell(scene, answered, { from: 500, to: 599 }) ??
        expects({ told: [answered.said.error?.message.includes("out of memory"), true] })
      );
    },
  },
  {
    trap: 18,
    title: "a whole reply where a stream was asked for is no broken stream",
    streamed: STREAMED,
    async run(scene) {
      scene.upstream({ headers: ["content-type: text/html"], steps: ["<html>Welcome to nginx!</html>"] });
      return failsWell(scene, await scene.ask(), { from: 500, to: 599 });
    },
  },
  ...STATUSES.map(
    (status): Case => ({
      trap: 18,
      title: `the status ${status} stays, and its words come in the client's dialect`,
      streamed: status === 400 || status === 429 ? [false, true] : WHOLE,
      async run(scene) {
        scene.upstream({ status, steps: [errorBody(scene.backend, "the prompt is too odd", "some_error")] });
        const answered = await scene.ask();
        const right = OPERATORS[status] ?? [status];
        if (!right.includes(answered.status)) return `status ${answered.status}`;
        const wrong = failsWell(scene, answered, { from: 400, to: 599 });
        if (wrong !== null || OPERATORS[status] !== undefined) return wrong;
        return expects({ told: [answered.said.error?.message.includes("the prompt is too odd"), true] });
      },
    }),
  ),
  ...(
    [
      ["a page of HTML", "text/html", "<html>Bad gateway</html>"],
      ["plain words", "text/plain", "upstream connect error"],
      ["nothing", "application/json", ""],
      ["JSON of another shape", "application/json", '{"detail":[{"msg":"field required"}]}'],
    ] as const
  ).map(
    ([how, type, body]): Case => ({
      trap: 18,
      title: `a failure whose body is ${how} becomes an error object`,
      streamed: WHOLE,
      async run(scene) {
        scene.upstream({ status: 502, headers: [`content-type: ${type}`], steps: [body] });
        return failsWell(scene, await scene.ask(), { from: 500, to: 599 });
      },
    }),
  ),
];

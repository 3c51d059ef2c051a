import { type Case, expects, failsWell } from "../case.ts";
import { errorBody, healthy } from "../upstream/replies.ts";

const OK = { text: ["fine"] };
const WHOLE = [false] as const;

/** Trap 21: who is asked again, when, and for how long. */
export const retries: readonly Case[] = [
  ...(["77", new Date(Date.now() + 600_000).toUTCString()] as const).map(
    (after): Case => ({
      trap: 21,
      title: `Retry-After of a busy backend reaches the client, ${/^\d+$/.test(after) ? "in seconds" : "as a date"}`,
      streamed: WHOLE,
      async run(scene) {
        scene.upstream({
          status: 429,
          headers: [`retry-after: ${after}`],
          steps: [errorBody(scene.backend, "slow down", "rate_limit_error")],
        });
        const answered = await scene.ask();
        const told = answered.headers["retry-after"] ?? "";
        const seconds = /^\d+$/.test(told) ? Number(told) : (Date.parse(told) - Date.now()) / 1_000;
        const wanted = /^\d+$/.test(after) ? 77 : (Date.parse(after) - Date.now()) / 1_000;
        if (!(Math.abs(seconds - wanted) < 30)) return `Retry-After is ${JSON.stringify(told)}, not ${after}`;
        return failsWell(scene, answered, { from: 429, to: 429 });
      },
    }),
  ),
  {
    trap: 21,
    title: "a backend that fails once is asked again, no sooner than it asks for",
    routeletOnly: true,
    async run(scene) {
      scene.upstream((_request, turn) =>
        turn === 0
          ? {
              status: 503,
              headers: ["retry-after: 1"],
              steps: [errorBody(scene.backend, "restarting", "api_error")],
            }
          : healthy(scene.backend, OK, scene.streamed),
      );
      const answered = await scene.ask();
      const [first, second] = scene.received();
      if (first === undefined || second === undefined) return "it was not asked again";
      if (second.at - first.at < 950) return `asked again after ${Math.round(second.at - first.at)} ms`;
      return scene.well(answered, "fine");
    },
  },
  {
    trap: 21,
    title: "a refusal is not asked again",
    streamed: WHOLE,
    async run(scene) {
      scene.upstream({ status: 400, steps: [errorBody(scene.backend, "no", "invalid_request_error")] });
      const answered = await scene.ask();
      return (
        failsWell(scene, answered, { from: 400, to: 400 }) ?? expects({ asked: [scene.received().length, 1] })
      );
    },
  },
  {
    trap: 21,
    title: "one deadline holds for all attempts of a call",
    streamed: WHOLE,
    routeletOnly: true,
    settings: { deadlines: { total_ms: 2_500 }, retries: { attempts: 10 } },
    async run(scene) {
      scene.upstream({
        status: 503,
        headers: ["retry-after: 1"],
        steps: [errorBody(scene.backend, "restarting", "api_error")],
      });
      const answered = await scene.ask();
      if (answered.totalMs > 6_000) return `it took ${Math.round(answered.totalMs)} ms`;
      return failsWell(scene, answered, { from: 500, to: 599 });
    },
  },
];

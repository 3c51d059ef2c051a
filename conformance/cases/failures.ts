import { setTimeout as delay } from "node:timers/promises";
import { type Case, expects, type Scene, saysWell } from "../case.ts";
import { send } from "../client.ts";
import { chunk, errorBody, events, healthy, sse } from "../upstream/replies.ts";
import type { Step } from "../upstream/server.ts";

const STREAMED = [true] as const;
const WHOLE = [false] as const;
const OK = { text: ["fine"] };

const MANY = { text: Array.from({ length: 60 }, (_, at) => `word ${at} `) };

const slowly = (all: readonly string[]): Step[] => all.flatMap((event) => [event, { waitMs: 100 }]);

async function told({ received }: Scene): Promise<string | null> {
  for (let tries = 0; tries < 20; tries++) {
    const [request] = received();
    if (request?.left) return null;
    await delay(100);
  }
  return received().length === 0 ? "the request did not reach the backend" : "the backend was not told";
}

/** The first event that brings content. */
function beforeContent(all: readonly string[]): string[] {
  const at = all.findIndex((event) => event.includes("fine") || event.includes("content_block_start"));
  return all.slice(0, at);
}

/** Traps 3, 17, 18, 20 to 25: what happens when a backend, or a client, does not do its part. */
export const failures: readonly Case[] = [
  {
    trap: 3,
    title: "a silent stream is kept alive",
    streamed: STREAMED,
    async run(scene) {
      scene.upstream({ before: [{ waitMs: 12_500 }], steps: events(scene.backend, OK) });
      const answered = await scene.ask();
      if (answered.firstByteMs > 11_900) return `nothing came for ${Math.round(answered.firstByteMs)} ms`;
      return saysWell(answered, "fine");
    },
  },
  {
    trap: 17,
    title: "a failure before the first content is a true status, not a broken stream",
    streamed: STREAMED,
    async run(scene) {
      scene.upstream({ steps: [...beforeContent(events(scene.backend, OK)), { cut: true }] });
      const answered = await scene.ask();
      if (answered.status < 500) return `status ${answered.status}`;
      return answered.said.error === null ? "no error object in the client's dialect" : null;
    },
  },
  {
    trap: 17,
    title: "nothing of an attempt that failed is seen once the next one answers",
    streamed: STREAMED,
    routeletOnly: true,
    async run(scene) {
      const all = events(scene.backend, OK);
      scene.upstream((_request, turn) => ({
        steps: turn === 0 ? [...beforeContent(all), { cut: true }] : all,
      }));
      return saysWell(await scene.ask(), "fine");
    },
  },
  {
    trap: 18,
    title: "an error after the first content comes in the client's dialect, and ends the stream",
    streamed: STREAMED,
    async run(scene) {
      const all = events(scene.backend, { text: ["half", " rest"] });
      const cutAt = all.findIndex((event) => event.includes(" rest"));
      const error =
        scene.backend === "openai"
          ? sse({ error: { message: "engine died", type: "server_error", code: 500 } })
          : `event: error\n${sse({ type: "error", error: { type: "overloaded_error", message: "engine died" } })}`;
      scene.upstream({ steps: [...all.slice(0, cutAt), { waitMs: 30 }, error] });
      const { said, status } = await scene.ask();
      return expects({
        status: [status, 200],
        text: [said.text, "half"],
        told: [said.error?.message.includes("engine died"), true],
        violations: [said.violations, []],
        terminated: [said.terminated, false],
      });
    },
  },
  {
    trap: 18,
    title: "a 200 whose body is an error is a failure",
    async run(scene) {
      scene.upstream({
        headers: ["content-type: application/json"],
        steps: [errorBody(scene.backend, "out of memory", "server_error")],
      });
      const answered = await scene.ask();
      if (answered.status < 500) return `status ${answered.status}`;
      return answered.said.error?.message.includes("out of memory") ? null : "the error's words are lost";
    },
  },
  {
    trap: 18,
    title: "a refusal keeps its status, and its words come in the client's dialect",
    streamed: WHOLE,
    async run(scene) {
      scene.upstream({
        status: 400,
        steps: [errorBody(scene.backend, "the prompt is too odd", "invalid_request_error")],
      });
      const answered = await scene.ask();
      return expects({
        status: [answered.status, 400],
        told: [answered.said.error?.message.includes("the prompt is too odd"), true],
        violations: [answered.said.violations, []],
      });
    },
  },
  {
    trap: 18,
    title: "a page of HTML becomes an error object",
    streamed: WHOLE,
    async run(scene) {
      scene.upstream({
        status: 502,
        headers: ["content-type: text/html"],
        steps: ["<html>Bad gateway</html>"],
      });
      const answered = await scene.ask();
      if (answered.status < 500) return `status ${answered.status}`;
      return answered.said.error === null ? "no error object" : null;
    },
  },
  {
    trap: 21,
    title: "Retry-After of a busy backend reaches the client",
    streamed: WHOLE,
    async run(scene) {
      scene.upstream({
        status: 429,
        headers: ["retry-after: 77"],
        steps: [errorBody(scene.backend, "slow down", "rate_limit_error")],
      });
      const answered = await scene.ask();
      return expects({ status: [answered.status, 429], after: [answered.headers["retry-after"], "77"] });
    },
  },
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
      return saysWell(answered, "fine");
    },
  },
  {
    trap: 22,
    title: "when the client leaves while tokens flow, the backend is told",
    streamed: STREAMED,
    async run(scene) {
      scene.upstream({ steps: slowly(events(scene.backend, MANY)) });
      await scene.ask({}, { leaveAfterMs: 500 });
      return told(scene);
    },
  },
  {
    trap: 22,
    title: "when the client's connection is reset while the backend is silent, the backend is told",
    async run(scene) {
      const steps = scene.streamed ? events(scene.backend, OK) : healthy(scene.backend, OK, false).steps;
      scene.upstream({ before: [{ waitMs: 5_000 }], steps });
      await scene.ask({}, { leaveAfterMs: 500, reset: true });
      return told(scene);
    },
  },
  {
    trap: 24,
    title: "stale length and encoding of a reply are not passed on",
    streamed: WHOLE,
    async run(scene) {
      scene.upstream({
        headers: [
          "x-request-id: req_upstream",
          "request-id: req_upstream",
          "keep-alive: timeout=5",
          "x-ratelimit-remaining-requests: 9",
          "anthropic-ratelimit-requests-remaining: 9",
        ],
        steps: healthy(scene.backend, OK, false).steps,
      });
      const answered = await scene.ask();
      const limit =
        answered.headers["x-ratelimit-remaining-requests"] ??
        answered.headers["anthropic-ratelimit-requests-remaining"];
      return (
        saysWell(answered, "fine") ??
        expects({
          limits: [limit, "9"],
          encoding: [answered.headers["content-encoding"] ?? "identity", "identity"],
        })
      );
    },
  },
  {
    trap: 24,
    title: "the client's key and its accept-encoding stay with the gateway",
    streamed: WHOLE,
    async run(scene) {
      scene.upstream(healthy(scene.backend, OK, false));
      const answered = await scene.ask(
        {},
        { headers: { "accept-encoding": "zstd", "x-forwarded-for": "10.0.0.1" } },
      );
      const headers = scene.received()[0]?.headers ?? {};
      const leaked = Object.entries(headers).filter(
        ([, value]) => value.includes(scene.target.key) || value.includes("zstd"),
      );
      return saysWell(answered, "fine") ?? expects({ leaked: [leaked, []] });
    },
  },
  {
    trap: 24,
    title: "the dialect's own headers reach a backend of the same dialect",
    clients: ["messages"],
    backends: ["anthropic"],
    streamed: WHOLE,
    async run(scene) {
      scene.upstream(healthy("anthropic", OK, false));
      const answered = await scene.ask({}, { headers: { "anthropic-beta": "some-beta-2025" } });
      const headers = scene.received()[0]?.headers ?? {};
      return (
        saysWell(answered, "fine") ??
        expects({
          version: [headers["anthropic-version"], "2023-06-01"],
          beta: [headers["anthropic-beta"], "some-beta-2025"],
        })
      );
    },
  },
  {
    trap: 20,
    title: "a role frame is no first token: the next backend is asked while nothing was said",
    backends: ["openai"],
    clients: ["chat"],
    streamed: STREAMED,
    routeletOnly: true,
    async run(scene) {
      scene.upstream((_request, turn) =>
        turn === 0
          ? { steps: [sse(chunk({ role: "assistant", content: "" })), { waitMs: 200 }, { cut: true }] }
          : healthy("openai", OK, true),
      );
      return saysWell(await scene.ask(), "fine");
    },
  },
  ...(["openai", "anthropic"] as const).map(
    (backend): Case => ({
      trap: 10,
      title: "what nobody has a price for costs null, not 0; attempts stand apart from the call",
      backends: [backend],
      clients: ["chat"],
      streamed: WHOLE,
      routeletOnly: true,
      async run(scene) {
        scene.upstream(healthy(backend, OK, false));
        const answered = await scene.ask();
        const call = await ended(scene.admin, answered.headers["x-routelet-call"]);
        return expects({
          cost: [call.cost_usd, null],
          attempts: [Array.isArray(call.attempts) ? call.attempts.length : 0, 1],
          tokens: [call.usage, { input_tokens: 20, cached_input_tokens: 8, output_tokens: 6 }],
        });
      },
    }),
  ),
  {
    trap: 23,
    title: "the call is on record from its dispatch on, and ended once",
    routeletOnly: true,
    streamed: STREAMED,
    clients: ["chat"],
    backends: ["openai"],
    async run(scene) {
      scene.upstream({
        steps: [...events("openai", OK).slice(0, 2), { waitMs: 1_200 }, ...events("openai", OK).slice(2)],
      });
      const asking = scene.ask();
      await delay(600);
      const { data } = (await scene.admin("/api/calls?limit=200")) as { data: Record<string, unknown>[] };
      const running = data.find(({ requested_model }) => requested_model === scene.model);
      const answered = await asking;
      const call = await ended(scene.admin, answered.headers["x-routelet-call"]);
      return expects({ before: [running?.outcome, "running"], after: [call.outcome, "done"] });
    },
  },
  {
    trap: 22,
    title: "a client that left is recorded as cancelled",
    routeletOnly: true,
    streamed: STREAMED,
    async run(scene) {
      scene.upstream({ steps: slowly(events(scene.backend, MANY)) });
      await scene.ask({}, { leaveAfterMs: 400 });
      for (let tries = 0; tries < 40; tries++) {
        const { data } = (await scene.admin("/api/calls?limit=200")) as { data: Record<string, unknown>[] };
        const call = data.find(({ requested_model }) => requested_model === scene.model);
        if (call !== undefined && call.outcome !== "running")
          return expects({ outcome: [call.outcome, "cancelled"] });
        await delay(100);
      }
      return "the call stays running";
    },
  },
  {
    trap: 0,
    title: "a wrong key is a 401 in the client's dialect",
    backends: ["openai"],
    streamed: WHOLE,
    async run(scene) {
      const answered = await send({
        target: { ...scene.target, key: "wrong-key" },
        dialect: scene.client,
        body: { model: scene.model, messages: [], input: "x", max_tokens: 1 },
      });
      return expects({
        status: [answered.status, 401],
        error: [answered.said.error !== null, true],
        violations: [answered.said.violations, []],
      });
    },
  },
  {
    trap: 0,
    title: "malformed JSON is a 400 in the client's dialect",
    backends: ["openai"],
    streamed: WHOLE,
    async run(scene) {
      const answered = await send({
        target: scene.target,
        dialect: scene.client,
        body: Buffer.from('{"model": "x", '),
      });
      return expects({
        status: [answered.status, 400],
        error: [answered.said.error !== null, true],
        violations: [answered.said.violations, []],
      });
    },
  },
  {
    trap: 0,
    title: "an unknown route is a 404 with an error object",
    clients: ["chat"],
    backends: ["openai"],
    streamed: WHOLE,
    async run(scene) {
      const answered = await send({
        target: scene.target,
        dialect: "chat",
        path: "/v1/no/such/route",
        body: {},
      });
      return expects({ status: [answered.status, 404], error: [answered.said.error !== null, true] });
    },
  },
];

async function ended(
  admin: (path: string) => Promise<unknown>,
  id: string | undefined,
): Promise<Record<string, unknown>> {
  for (let tries = 0; ; tries++) {
    const call = (await admin(`/api/calls/${id}`)) as Record<string, unknown>;
    if (call.outcome !== "running" || tries > 50) return call;
    await delay(100);
  }
}

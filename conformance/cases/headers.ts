import { gzipSync } from "node:zlib";
import { type Case, expects, type Scene } from "../case.ts";
import { errorBody, healthy, whole } from "../upstream/replies.ts";
import { CALL, callsWell, TOOLS } from "./tool-index.ts";

const OK = { text: ["fine"] };
const WHOLE = [false] as const;

const sentHeaders = (scene: Scene): Record<string, string> => scene.received()[0]?.headers ?? {};

/** Trap 24: which headers cross the gateway. */
export const headers: readonly Case[] = [
  {
    trap: 24,
    title: "rate limits and request ids of the backend reach the client",
    async run(scene) {
      const limit =
        scene.backend === "anthropic"
          ? "anthropic-ratelimit-requests-remaining"
          : "x-ratelimit-remaining-requests";
      const id = scene.backend === "anthropic" ? "request-id" : "x-request-id";
      scene.upstream({
        ...healthy(scene.backend, OK, scene.streamed),
        headers: [`${limit}: 9`, `${id}: req_upstream`],
      });
      const answered = await scene.ask();
      const ids = [answered.headers["x-request-id"], answered.headers["request-id"]];
      return (
        scene.well(answered, "fine") ??
        expects({
          limit: [answered.headers[limit], "9"],
          id: [ids.includes("req_upstream") ? "req_upstream" : ids, "req_upstream"],
        })
      );
    },
  },
  {
    trap: 24,
    title: "a refusal tells the backend's request id",
    streamed: WHOLE,
    async run(scene) {
      const id = scene.backend === "anthropic" ? "request-id" : "x-request-id";
      scene.upstream({
        status: 400,
        headers: [`${id}: req_upstream`],
        steps: [errorBody(scene.backend, "no", "invalid_request_error")],
      });
      const answered = await scene.ask();
      const ids = [answered.headers["x-request-id"], answered.headers["request-id"]];
      return (
        scene.broken(answered) ??
        expects({ id: [ids.includes("req_upstream") ? "req_upstream" : ids, "req_upstream"] })
      );
    },
  },
  {
    trap: 24,
    title: "hop-by-hop headers of a reply stay between gateway and backend",
    streamed: WHOLE,
    async run(scene) {
      const { steps } = healthy(scene.backend, OK, false);
      scene.upstream({
        unframed: true,
        headers: ["keep-alive: timeout=77", 'proxy-authenticate: Basic realm="x"', "trailer: x-sum"],
        steps,
      });
      const answered = await scene.ask();
      const leaked = ["proxy-authenticate", "trailer"].filter((name) => name in answered.headers);
      if (answered.headers["keep-alive"]?.includes("77")) leaked.push("keep-alive");
      return scene.well(answered, "fine") ?? expects({ leaked: [leaked, []] });
    },
  },
  {
    trap: 24,
    title: "hop-by-hop headers of a request stay between client and gateway",
    streamed: WHOLE,
    async run(scene) {
      scene.healthy(OK);
      const answered = await scene.ask(
        {},
        { headers: { te: "trailers", "proxy-authorization": "Basic eDp5", "keep-alive": "timeout=77" } },
      );
      const sent = sentHeaders(scene);
      const leaked = ["te", "proxy-authorization"].filter((name) => name in sent);
      if (sent["keep-alive"]?.includes("77")) leaked.push("keep-alive");
      return scene.well(answered, "fine") ?? expects({ leaked: [leaked, []] });
    },
  },
  {
    trap: 24,
    title: "a reply that its backend has compressed can be read",
    async run(scene) {
      const body = healthy(scene.backend, OK, scene.streamed).steps.join("");
      const packed = gzipSync(body);
      scene.upstream({
        headers: ["content-encoding: gzip", `content-length: ${packed.length}`],
        steps: [packed],
      });
      const answered = await scene.ask();
      return (
        scene.well(answered, "fine") ??
        expects({ encoding: [answered.headers["content-encoding"] ?? "identity", "identity"] })
      );
    },
  },
  {
    trap: 24,
    title: "a reply that was mended has a length of its own",
    backends: ["openai"],
    streamed: WHOLE,
    async run(scene) {
      const body = JSON.stringify(whole("openai", { calls: [CALL] })).replace('"id":"call_a",', "");
      scene.upstream({ headers: [`content-length: ${Buffer.byteLength(body)}`], steps: [body] });
      return callsWell(scene, await scene.ask(TOOLS), [CALL]);
    },
  },
  {
    trap: 24,
    title: "the client's key, its accept-encoding and its address stay with the gateway",
    streamed: WHOLE,
    async run(scene) {
      scene.healthy(OK);
      const answered = await scene.ask(
        {},
        { headers: { "accept-encoding": "zstd", "x-forwarded-for": "10.9.8.7", cookie: "session=10.9.8.7" } },
      );
      const leaked = Object.entries(sentHeaders(scene)).filter(([, value]) =>
        [scene.target.key, "zstd", "10.9.8.7"].some((secret) => value.includes(secret)),
      );
      return scene.well(answered, "fine") ?? expects({ leaked: [leaked, []] });
    },
  },
  {
    trap: 24,
    title: "the dialect's own headers reach a backend of the same dialect",
    clients: ["messages"],
    backends: ["anthropic"],
    streamed: WHOLE,
    async run(scene) {
      scene.healthy(OK);
      const answered = await scene.ask({}, { headers: { "anthropic-beta": "some-beta-2025,another" } });
      const sent = sentHeaders(scene);
      return (
        scene.well(answered, "fine") ??
        expects({
          version: [sent["anthropic-version"], "2023-06-01"],
          beta: [sent["anthropic-beta"]?.replaceAll(" ", ""), "some-beta-2025,another"],
        })
      );
    },
  },
  {
    trap: 24,
    title: "a backend gets the headers of its dialect from a client of another",
    clients: ["chat", "responses"],
    backends: ["anthropic"],
    streamed: WHOLE,
    async run(scene) {
      scene.healthy(OK);
      const answered = await scene.ask();
      const sent = sentHeaders(scene);
      return (
        scene.well(answered, "fine") ??
        expects({ version: [/^\d{4}-\d\d-\d\d$/.test(sent["anthropic-version"] ?? ""), true] })
      );
    },
  },
];

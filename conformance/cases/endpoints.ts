import { type Case, expects, failsWell, type Scene } from "../case.ts";
import { type Answered, send } from "../client.ts";
import { isObject, type Json, objects } from "../said.ts";

const WHOLE = [false] as const;
const OPENAI = ["openai"] as const;
const MEGABYTE = 1024 * 1024;

const bodyOf = (answered: Answered): Json => {
  const json: unknown = JSON.parse(answered.body.toString() || "null");
  return isObject(json) ? json : {};
};

/** `GET` or `DELETE` of a path, with the headers of the client's dialect. */
const reach = (scene: Scene, method: "GET" | "DELETE", path: string): Promise<Answered> =>
  send({ target: scene.target, dialect: scene.client, method, path });

/** What is refused before any backend is asked: each is one in the dialect of its endpoint. */
const REFUSALS: Record<string, { status: number; send: (scene: Scene) => Promise<Answered> }> = {
  "a wrong key": {
    status: 401,
    send: (scene) => scene.ask({}, { headers: { authorization: "Bearer wrong", "x-api-key": "wrong" } }),
  },
  "no key at all": {
    status: 401,
    send: (scene) => scene.ask({}, { without: ["authorization", "x-api-key"] }),
  },
  "malformed JSON": {
    status: 400,
    send: (scene) => scene.sendBytes(Buffer.from('{"model": "x", ')),
  },
  "a body that is no object": { status: 400, send: (scene) => scene.sendBytes(Buffer.from("[1]")) },
  "an empty body": { status: 400, send: (scene) => scene.sendBytes(Buffer.alloc(0)) },
  "JSON that is not UTF-8": {
    status: 400,
    send: (scene) =>
      scene.sendBytes(
        Buffer.concat([
          Buffer.from(`{"model":"${scene.model}","x":"`),
          Buffer.from([0xff, 0xfe]),
          Buffer.from('"}'),
        ]),
      ),
  },
  "no model": { status: 400, send: (scene) => scene.ask({ extra: { model: undefined } }) },
  "messages of the wrong type": {
    status: 400,
    send: (scene) =>
      scene.ask({ extra: scene.client === "responses" ? { input: 5 } : { messages: "hello" } }),
  },
};

/** What users expect of the endpoints themselves. */
export const endpoints: readonly Case[] = [
  ...Object.entries(REFUSALS).map(
    ([what, { status, send: refused }]): Case => ({
      trap: 0,
      title: `${what} is a ${status} in the dialect of the endpoint`,
      backends: OPENAI,
      streamed: WHOLE,
      async run(scene) {
        scene.healthy({ text: ["x"] });
        const answered = await refused(scene);
        return (
          failsWell(scene, answered, { from: status, to: status }) ??
          expects({ sent: [scene.received().length, 0], rules: [answered.said.violations, []] })
        );
      },
    }),
  ),
  {
    trap: 0,
    title: "a key in x-api-key is as good as a bearer",
    backends: OPENAI,
    streamed: WHOLE,
    async run(scene) {
      scene.healthy({ text: ["x"] });
      const answered = await scene.ask(
        {},
        { without: ["authorization"], headers: { "x-api-key": scene.target.key } },
      );
      return scene.well(answered, "x");
    },
  },
  {
    trap: 0,
    title: "a bearer is as good as x-api-key",
    clients: ["messages"],
    streamed: WHOLE,
    async run(scene) {
      scene.healthy({ text: ["x"] });
      return scene.well(await scene.ask({}, { without: ["x-api-key"] }), "x");
    },
  },
  {
    trap: 0,
    title: "a body of 100 MB is refused early, by its declared length",
    backends: OPENAI,
    streamed: WHOLE,
    async run(scene) {
      const answered = await scene.sendBytes(Buffer.from('{"model":"'), {
        declaredLength: 100 * MEGABYTE,
        timeoutMs: 5_000,
      });
      return failsWell(scene, answered, { from: 413, to: 413 });
    },
  },
  {
    trap: 0,
    title: "an unknown route is a 404 with an error object",
    backends: OPENAI,
    streamed: WHOLE,
    async run(scene) {
      const answered = await send({
        target: scene.target,
        dialect: scene.client,
        path: "/v1/no/such/route",
        body: {},
      });
      return (
        failsWell(scene, answered, { from: 404, to: 404 }) ??
        expects({ rules: [answered.said.violations, []] })
      );
    },
  },
  {
    trap: 0,
    title: "GET of an endpoint for POST is a 405, or a 404, with an error object",
    clients: ["chat", "messages"],
    backends: OPENAI,
    streamed: WHOLE,
    async run(scene) {
      const path = scene.client === "chat" ? "/v1/chat/completions" : "/v1/messages";
      return failsWell(scene, await reach(scene, "GET", path), { from: 404, to: 405 });
    },
  },
  {
    trap: 0,
    title: "GET /v1/models is a list in the caller's dialect",
    clients: ["chat", "messages"],
    backends: OPENAI,
    streamed: WHOLE,
    async run(scene) {
      const answered = await reach(scene, "GET", "/v1/models");
      const body = bodyOf(answered);
      const [first] = objects(body.data);
      if (scene.client === "chat")
        return expects({
          status: [answered.status, 200],
          object: [body.object, "list"],
          model: [first?.object, "model"],
          created: [typeof first?.created, "number"],
        });
      return expects({
        status: [answered.status, 200],
        type: [first?.type, "model"],
        name: [typeof first?.display_name, "string"],
        created: [typeof first?.created_at, "string"],
        more: [typeof body.has_more, "boolean"],
      });
    },
  },
  {
    trap: 0,
    title: "tokens are counted before they are sent",
    clients: ["messages"],
    streamed: WHOLE,
    async run(scene) {
      const count = async (text: string): Promise<Answered> =>
        scene.ask(
          { turns: [{ role: "user", text }], extra: { max_tokens: undefined, stream: undefined } },
          {
            path: "/v1/messages/count_tokens",
          },
        );
      const [short, long] = [await count("Hello."), await count("All of these words count. ".repeat(200))];
      const [a, b] = [Number(bodyOf(short).input_tokens), Number(bodyOf(long).input_tokens)];
      return (
        expects({ status: [short.status, 200] }) ??
        (a > 0 && b > a + 500 ? null : `a short text has ${a} tokens, and one of 1,000 words ${b}`)
      );
    },
  },
  {
    trap: 0,
    title: "a stored response is continued, read and deleted at once",
    clients: ["responses"],
    async run(scene) {
      scene.healthy({ text: ["first answer"] });
      const first = await scene.ask({
        turns: [{ role: "user", text: "first question" }],
        extra: { store: true },
      });
      const wrong = scene.well(first, "first answer");
      if (wrong !== null) return wrong;
      const path = `/v1/responses/${first.said.id}`;
      const read = await reach(scene, "GET", path);
      const items = await reach(scene, "GET", `${path}/input_items`);
      const second = await scene.ask({
        turns: [{ role: "user", text: "second question" }],
        extra: { store: false, previous_response_id: first.said.id },
      });
      const sent = scene.received().at(-1)?.bytes.toString() ?? "";
      const lost = ["first question", "first answer", "second question"].filter(
        (words) => !sent.includes(words),
      );
      const gone = await reach(scene, "DELETE", path);
      const after = await reach(scene, "GET", path);
      return (
        scene.well(second, "first answer") ??
        expects({
          read: [
            [read.status, read.said.text],
            [200, "first answer"],
          ],
          items: [
            [items.status, items.body.includes("first question")],
            [200, true],
          ],
          lost: [lost, []],
          deleted: [
            [gone.status, bodyOf(gone).deleted],
            [200, true],
          ],
          after: [after.status, 404],
        })
      );
    },
  },
  {
    trap: 0,
    title: "a response that nobody stored cannot be continued",
    clients: ["responses"],
    backends: OPENAI,
    streamed: WHOLE,
    async run(scene) {
      scene.healthy({ text: ["x"] });
      const answered = await scene.ask({ extra: { previous_response_id: "resp_none" } });
      return (
        failsWell(scene, answered, { from: 400, to: 404 }) ?? expects({ sent: [scene.received().length, 0] })
      );
    },
  },
  {
    trap: 0,
    title: "embeddings pass to a backend that has them",
    clients: ["chat"],
    backends: OPENAI,
    streamed: WHOLE,
    async run(scene) {
      const reply = {
        object: "list",
        model: "upstream-model",
        data: [{ object: "embedding", index: 0, embedding: [0.25, -0.5] }],
        usage: { prompt_tokens: 2, total_tokens: 2 },
      };
      scene.world.servers.openai.on({
        model: scene.model,
        endpoint: "/embeddings",
        answer: () => ({ steps: [JSON.stringify(reply)] }),
      });
      const answered = await send({
        target: scene.target,
        dialect: "chat",
        path: "/v1/embeddings",
        body: { model: scene.model, input: ["a"], encoding_format: "float" },
      });
      const [first] = objects(bodyOf(answered).data);
      return expects({ status: [answered.status, 200], vector: [first?.embedding, [0.25, -0.5]] });
    },
  },
];

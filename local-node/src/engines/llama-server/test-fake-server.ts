import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { parseArgs } from "node:util";

/**
 * A process that speaks llama-server's protocol as its `tools/server/README.md` has it: `/health`, `/props` and `/slots`
 * under a key, `/v1/…`. Its answers come from an engine at `--fake-upstream`; `--fake-fault` says what goes wrong.
 */
export type Fault =
  | "cannot-load"
  | "open-to-all"
  | "old-build"
  /** Ends itself in the middle of its first streamed answer. */
  | "crashes"
  /** Answers nothing any more after its first chat. */
  | "hangs";

const { values } = parseArgs({
  strict: false,
  options: {
    alias: { type: "string" },
    port: { type: "string" },
    parallel: { type: "string" },
    "ctx-size": { type: "string" },
    "fake-upstream": { type: "string" },
    "fake-fault": { type: "string" },
  },
});
const fault = values["fake-fault"] as Fault | undefined;
const slots = Number(values.parallel);
let looks = 0;
let chats = 0;

if (fault === "cannot-load") {
  process.stderr.write(
    "srv    load_model: failed to load model, 'm.gguf'\nmain: exiting due to model loading error\n",
  );
  process.exit(1);
}

createServer((request, response) => {
  if (fault === "hangs" && chats > 0) return;
  answer(request, response).catch(() => response.destroy());
}).listen(Number(values.port), "127.0.0.1");

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = (request.url ?? "").replace(/\?.*$/, "");
  if (path === "/health") {
    // A model takes a while to load.
    if (++looks > 2) return json(response, 200, { status: "ok" });
    return json(response, 503, { error: { code: 503, message: "Loading model", type: "unavailable_error" } });
  }
  const isPublic = path === "/v1/models" || fault === "open-to-all";
  if (!isPublic && request.headers.authorization !== `Bearer ${process.env.LLAMA_API_KEY}`) {
    return json(response, 401, {
      error: { code: 401, message: "Invalid API Key", type: "authentication_error" },
    });
  }
  if (path === "/props" && fault === "old-build") return json(response, 404, {});
  if (path === "/props") {
    return json(response, 200, {
      default_generation_settings: { n_ctx: Number(values["ctx-size"]) / slots },
      total_slots: slots,
      build_info: "b0-fake",
    });
  }
  if (path === "/v1/models") {
    return json(response, 200, { object: "list", data: [{ id: values.alias, object: "model" }] });
  }
  await forward(request, response, path);
}

async function forward(request: IncomingMessage, response: ServerResponse, path: string): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = Buffer.concat(chunks);
  const isStream = JSON.parse(body.toString()).stream === true;
  const gone = new AbortController();
  response.once("close", () => gone.abort());
  const reply = await fetch(`${values["fake-upstream"]}${path.slice("/v1".length)}`, {
    method: "POST",
    body,
    signal: gone.signal,
  });
  chats++;
  response.writeHead(reply.status, Object.fromEntries(reply.headers));
  for await (const chunk of reply.body ?? []) {
    await new Promise((resolve) => response.write(chunk, resolve));
    if (fault === "crashes" && isStream) process.kill(process.pid, "SIGSEGV");
  }
  response.end();
}

function json(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

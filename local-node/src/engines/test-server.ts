import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { NodeHandler } from "../serve/contract.ts";

export interface TestServer {
  /** With the version at the end, as clients are given it. */
  baseUrl: string;
  close(): Promise<void>;
}

/** An HTTP server on a free loopback port. */
export async function listen(onRequest: RequestListener): Promise<TestServer> {
  const server = createServer(onRequest);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    baseUrl: `http://127.0.0.1:${port}/v1`,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Serves a node's handler and its list of models over HTTP: an OpenAI-compatible engine with a real model behind it. */
export function listenWith(handle: NodeHandler, models: () => { id: string }[]): Promise<TestServer> {
  return listen((request, response) => {
    if (request.url === "/v1/models") {
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify({ object: "list", data: models() }));
      return;
    }
    answer(request, response, handle).catch(() => response.destroy());
  });
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  handle: NodeHandler,
): Promise<void> {
  const gone = new AbortController();
  response.on("close", () => gone.abort());
  const reply = await handle({
    method: request.method === "GET" ? "GET" : "POST",
    path: request.url ?? "",
    headers: Object.fromEntries(
      Object.entries(request.headers).flatMap(([name, value]) =>
        typeof value === "string" ? [[name, value]] : [],
      ),
    ),
    body: await readBody(request),
    deadlineMs: 120_000,
    signal: gone.signal,
  });
  response.writeHead(reply.status, reply.headers);
  for await (const chunk of reply.body) response.write(chunk);
  response.end();
}

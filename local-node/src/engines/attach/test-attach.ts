import type { IncomingMessage, ServerResponse } from "node:http";
import { listen, readBody, type TestServer } from "../test-server.ts";
import { type AttachEngine, type AttachEngineOptions, createAttachEngine } from "./attach.ts";

/** How an engine of a test answers one request. */
export type Answer = (
  request: IncomingMessage,
  response: ServerResponse,
  body: Buffer,
) => void | Promise<void>;

const closers: (() => Promise<void>)[] = [];

/** Ends all engines and servers of a test. */
export async function closeAll(): Promise<void> {
  for (const close of closers.splice(0).reverse()) await close();
}

/** An attached engine with one model `m`, and the HTTP server behind it; not probed unless told so. */
export async function attachTo(
  answer: Answer,
  options: Partial<AttachEngineOptions> = {},
): Promise<{ engine: AttachEngine; server: TestServer }> {
  const server = await listen((request, response) => {
    readBody(request)
      .then((body) => answer(request, response, body))
      .catch(() => response.destroy());
  });
  closers.push(() => server.close());
  const engine = await createAttachEngine({
    baseUrl: server.baseUrl,
    probe: false,
    models: ["m"],
    ...options,
  });
  closers.push(() => engine.close());
  return { engine, server };
}
export const json = (response: ServerResponse, body: unknown, status = 200): void => {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
};

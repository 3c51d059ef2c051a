import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";

export interface BadGateway {
  url: string;
  close(): Promise<void>;
}

async function listen(server: Server): Promise<BadGateway> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Says yes to everything and means nothing: no case may pass behind it. */
export const startEmptyGateway = (): Promise<BadGateway> =>
  listen(
    createServer((incoming, outgoing) => {
      incoming.resume();
      outgoing.writeHead(200, { "content-type": "application/json" }).end("{}");
    }),
  );

async function bodyOf(incoming: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of incoming) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

/** Passes all bytes to the upstream of the model's name and back, headers included, as the first proxy that one writes. */
export const startNaiveProxy = (ports: { openai: number; anthropic: number }): Promise<BadGateway> =>
  listen(
    createServer((incoming: IncomingMessage, outgoing: ServerResponse) => {
      void bodyOf(incoming).then(
        (body) => {
          const claude = body.includes('"model":"claude');
          const passed = httpRequest(
            {
              host: "127.0.0.1",
              port: claude ? ports.anthropic : ports.openai,
              path: incoming.url,
              method: incoming.method,
              headers: incoming.headers,
              agent: false,
            },
            (response) => {
              outgoing.writeHead(response.statusCode ?? 502, response.headers);
              response.pipe(outgoing);
              response.on("error", () => outgoing.end());
              response.on("aborted", () => outgoing.end());
            },
          );
          passed.on("error", () => {
            if (outgoing.headersSent) outgoing.destroy();
            else outgoing.writeHead(502).end();
          });
          passed.end(body);
        },
        () => outgoing.destroy(),
      );
    }),
  );

import { createServer, request as httpRequest, type IncomingHttpHeaders } from "node:http";
import { PORTKEY, startPortkey } from "../../bench/lib/portkey.ts";
import type { Launch } from "./launch.ts";

const CLIENT_KEY = "client-key";
/** It has no keys of its own: what it gets is the provider's. Who calls it is not asked. */
const PROVIDER_KEY = "upstream-key";

/** Portkey takes provider and upstream from headers; which one follows from the model's name, as with the others. */
export const startPortkeyTarget: Launch = async (upstreams) => {
  const portkey = await startPortkey();
  const proxy = await startHeaderProxy(portkey.url, (model) =>
    model.startsWith("claude")
      ? {
          "x-portkey-provider": "anthropic",
          "x-portkey-custom-host": `http://127.0.0.1:${upstreams.anthropic.port}/v1`,
        }
      : {
          "x-portkey-provider": "openai",
          "x-portkey-custom-host": `http://127.0.0.1:${upstreams.openai.port}/v1`,
        },
  );
  return {
    name: PORTKEY,
    target: { baseUrl: proxy.url, key: CLIENT_KEY },
    adminKey: null,
    async close() {
      await proxy.close();
      await portkey.close();
    },
  };
};

/** The caller's key, where it is the right one, becomes the provider's. */
function withProviderKey(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  const swapped = Object.entries(headers).map(([name, value]) => [
    name,
    typeof value === "string" ? value.replace(CLIENT_KEY, PROVIDER_KEY) : value,
  ]);
  return Object.fromEntries(swapped);
}

/** Adds headers to a request by its model, and passes all else on as it is. */
async function startHeaderProxy(
  url: string,
  headersFor: (model: string) => Record<string, string>,
): Promise<{ url: string; close(): Promise<void> }> {
  const target = new URL(url);
  const server = createServer((incoming, outgoing) => {
    const parts: Buffer[] = [];
    incoming.on("data", (part: Buffer) => parts.push(part));
    incoming.on("end", () => {
      const body = Buffer.concat(parts);
      const model = /"model"\s*:\s*"([^"]*)"/.exec(body.toString())?.[1] ?? "";
      const passed = httpRequest(
        {
          host: target.hostname,
          port: target.port,
          path: incoming.url,
          method: incoming.method,
          agent: false,
          headers: { ...withProviderKey(incoming.headers), ...headersFor(model) },
        },
        (response) => {
          outgoing.writeHead(response.statusCode ?? 502, response.headers);
          response.on("data", (chunk) => outgoing.write(chunk));
          response.on("end", () => outgoing.end());
          response.on("error", () => outgoing.destroy());
        },
      );
      passed.on("error", () => outgoing.destroy());
      outgoing.on("close", () => passed.destroy());
      passed.end(body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}`,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

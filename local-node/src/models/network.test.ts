import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { createNetwork } from "./network.ts";
import { startFileServer } from "./testing/file-server.ts";

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function proxy(): Promise<{ url: string; asked: string[] }> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? "");
    response.end("from the proxy");
  });
  server.on("connect", (request, socket) => {
    asked.push(request.url ?? "");
    socket.end("HTTP/1.1 502 Bad Gateway\r\n\r\n");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closing.push(() => new Promise((resolve) => server.close(resolve)));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

describe("the network of the user's environment", () => {
  test("goes through HTTPS_PROXY, and past it where NO_PROXY says so", async () => {
    const { url, asked } = await proxy();
    const server = await startFileServer();
    server.files.set("/x", { body: Buffer.from("direct") });
    const env = { HTTPS_PROXY: url, HTTP_PROXY: url, NO_PROXY: "127.0.0.1" };
    const network = createNetwork(env);
    closing.push(server.close, network.close);
    await expect(network.fetch("https://far.test/model")).rejects.toThrow();
    expect(asked.join()).toContain("far.test");
    expect(await (await network.fetch(`${server.url}/x`)).text()).toBe("direct");
  });

  test("a certificate bundle that cannot be read is named", async () => {
    expect(() => createNetwork({ PIP_CERT: "/nowhere/ca.pem" })).toThrow(/PIP_CERT names \/nowhere\/ca\.pem/);
    const folder = await mkdtemp(join(tmpdir(), "routelet-ca-"));
    closing.push(() => rm(folder, { recursive: true }));
    await writeFile(join(folder, "ca.pem"), "");
    const network = createNetwork({ SSL_CERT_FILE: join(folder, "ca.pem") });
    closing.push(network.close);
  });
});

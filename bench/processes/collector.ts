import { listenOnLoopback } from "../../test/harness/http-server.ts";
import { serveParent } from "../lib/child.ts";

// An OTLP endpoint that reads what it gets and counts it. The first message starts it, later ones ask for the count.

let received = 0;
let url: string | undefined;

serveParent(async () => {
  if (url !== undefined) return received;
  const server = await listenOnLoopback((request, response) => {
    request.on("data", (chunk: Buffer) => {
      received += chunk.byteLength;
    });
    request.on("end", () => response.writeHead(200, { "content-type": "application/x-protobuf" }).end());
  });
  url = server.url;
  return url;
});

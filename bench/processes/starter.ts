import { createEmbeddedEngine } from "../../local-node/src/engines/embedded/embedded.ts";
import type { CachedModel } from "../../local-node/src/models/cache.ts";
import { listenOnLoopback } from "../../test/harness/http-server.ts";
import { serveParent } from "../lib/child.ts";

// The embedded engine with nothing before it but HTTP: the direct way that `tunnel` compares with.

/** The numbers are left to the engine where they are not given. */
export interface StarterOpen extends Pick<CachedModel, "id" | "path" | "sha256"> {
  sequences?: number;
  contextTokens?: number;
}

serveParent(async ({ id, path, sha256, sequences, contextTokens }: StarterOpen) => {
  const engine = await createEmbeddedEngine({
    modelId: id,
    modelPath: path,
    fileSha256: sha256,
    quantisation: null,
    sequences,
    contextTokens,
  });
  const { url } = await listenOnLoopback(async (request, response) => {
    const leaving = new AbortController();
    response.once("close", () => leaving.abort());
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const answer = await engine.handle({
      method: "POST",
      path: "/v1/chat/completions",
      headers: {},
      body: Buffer.concat(parts),
      deadlineMs: 600_000,
      signal: leaving.signal,
      model: id,
      phases: {},
    });
    response.socket?.setNoDelay(true);
    response.writeHead(answer.status, answer.headers);
    for await (const chunk of answer.body) response.write(chunk);
    response.end();
  });
  return url;
});

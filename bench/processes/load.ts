import { Agent, request as send } from "node:http";
import { serveParent } from "../lib/child.ts";

// The client of `overhead`: keep-alive connections, a fixed number of requests in flight.

export interface LoadJob {
  url: string;
  headers: Record<string, string>;
  body: string;
  requests: number;
  inFlight: number;
}

export interface LoadResult {
  /** From the request to the first byte of the body, ms. */
  firstByteMs: number[];
  /** From the request to the end of the body, ms. */
  totalMs: number[];
  elapsedMs: number;
}

const agent = new Agent({ keepAlive: true, maxSockets: 64 });

function one(job: LoadJob): Promise<{ first: number; total: number }> {
  return new Promise((resolve, reject) => {
    const startedAt = performance.now();
    let first = Number.NaN;
    const request = send(
      job.url,
      { method: "POST", agent, headers: { ...job.headers, "content-length": Buffer.byteLength(job.body) } },
      (response) => {
        if (response.statusCode !== 200) {
          let text = "";
          response.on("data", (chunk: Buffer) => {
            text += chunk.toString();
          });
          response.on("end", () =>
            reject(new Error(`${job.url}: ${response.statusCode} ${text.slice(0, 300)}`)),
          );
          return;
        }
        response.once("data", () => {
          first = performance.now() - startedAt;
        });
        response.on("data", () => {});
        response.once("end", () => resolve({ first, total: performance.now() - startedAt }));
        response.once("error", reject);
      },
    );
    request.setNoDelay(true);
    request.once("error", reject);
    request.end(job.body);
  });
}

serveParent(async (job: LoadJob): Promise<LoadResult> => {
  const result: LoadResult = { firstByteMs: [], totalMs: [], elapsedMs: 0 };
  let left = job.requests;
  const startedAt = performance.now();
  const worker = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      const { first, total } = await one(job);
      result.firstByteMs.push(first);
      result.totalMs.push(total);
    }
  };
  await Promise.all(Array.from({ length: job.inFlight }, worker));
  result.elapsedMs = performance.now() - startedAt;
  return result;
});

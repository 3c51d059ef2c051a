import { Agent, request as send } from "node:http";
import { serveParent } from "../lib/child.ts";

// The client of `tunnel` and `memory`: several streams at once, each token's arrival noted.

export interface StreamsJob {
  url: string;
  headers: Record<string, string>;
  body: string;
  streams: number;
  /** What stands once in the event of each token; default that of the paced engine. */
  token?: string;
  /** Reads at most so many bytes a second per stream; absent: as fast as they come. */
  bytesPerSecond?: number;
}

export interface StreamsResult {
  tokens: number;
  elapsedMs: number;
  firstTokenMs: number[];
  /** Between two tokens of one stream; 0 for tokens that came in one read. */
  gapsMs: number[];
}

// The servers close a connection that was idle for 5 s: one that is nearly as old is not used again.
const agent = new Agent({ keepAlive: true, maxSockets: 128, timeout: 4_000 });
const PACED_TOKEN = '"content":" word"';

function count(chunk: Buffer, token: string): number {
  let found = 0;
  for (let at = chunk.indexOf(token); at >= 0; at = chunk.indexOf(token, at + token.length)) found += 1;
  return found;
}

function one(job: StreamsJob, result: StreamsResult): Promise<void> {
  return new Promise((resolve, reject) => {
    const token = job.token ?? PACED_TOKEN;
    const startedAt = performance.now();
    let lastAt = Number.NaN;
    let tail: Buffer = Buffer.alloc(0);
    const request = send(
      job.url,
      { method: "POST", agent, headers: { ...job.headers, "content-length": Buffer.byteLength(job.body) } },
      (response) => {
        if (response.statusCode !== 200) reject(new Error(`${job.url}: ${response.statusCode}`));
        response.on("data", (chunk: Buffer) => {
          const now = performance.now();
          const bytes = Buffer.concat([tail, chunk]);
          const found = count(bytes, token);
          const end = bytes.lastIndexOf("\n\n");
          // A token is counted with the end of its event, once.
          const whole = end < 0 ? 0 : count(bytes.subarray(0, end), token);
          tail = Buffer.from(end < 0 ? bytes : bytes.subarray(end));
          if (found > 0 && whole > 0) {
            if (Number.isNaN(lastAt)) result.firstTokenMs.push(now - startedAt);
            else result.gapsMs.push(now - lastAt);
            for (let extra = 1; extra < whole; extra += 1) result.gapsMs.push(0);
            result.tokens += whole;
            lastAt = now;
          }
          if (job.bytesPerSecond !== undefined) {
            response.pause();
            setTimeout(() => response.resume(), (chunk.byteLength / job.bytesPerSecond) * 1_000);
          }
        });
        response.once("end", resolve);
        response.once("error", reject);
      },
    );
    request.setNoDelay(true);
    request.once("error", reject);
    request.end(job.body);
  });
}

serveParent(async (job: StreamsJob): Promise<StreamsResult> => {
  const result: StreamsResult = { tokens: 0, elapsedMs: 0, firstTokenMs: [], gapsMs: [] };
  const startedAt = performance.now();
  await Promise.all(Array.from({ length: job.streams }, () => one(job, result)));
  result.elapsedMs = performance.now() - startedAt;
  return result;
});

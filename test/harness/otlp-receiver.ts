import { gunzipSync } from "node:zlib";
import { type DecodedSpan, decodeTraces } from "../../src/telemetry/otlp-decoder.test-support.ts";
import { listenOnLoopback } from "./http-server.ts";

export type { DecodedSpan };

export interface OtlpReceiver {
  /** For `OTEL_EXPORTER_OTLP_ENDPOINT`. */
  url: string;
  /** Every span that arrived. */
  spans: readonly DecodedSpan[];
  /** Requests that were not OTLP over HTTP with protobuf; a test asserts that there are none. */
  refused: readonly string[];
  /** Resolves with the spans of a trace once `enough` says so; never polls. */
  waitForTrace(traceId: string, enough: (spans: DecodedSpan[]) => boolean): Promise<DecodedSpan[]>;
  close(): Promise<void>;
}

/** A collector for traces: OTLP/HTTP with protobuf, plain or gzipped, decoded by the published definitions. */
export async function startOtlpReceiver(options: { port?: number } = {}): Promise<OtlpReceiver> {
  const spans: DecodedSpan[] = [];
  const refused: string[] = [];
  const listeners = new Set<() => void>();
  const server = await listenOnLoopback((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const type = request.headers["content-type"];
      if (request.method !== "POST" || request.url !== "/v1/traces" || type !== "application/x-protobuf") {
        refused.push(`${request.method} ${request.url} ${type}`);
        response.writeHead(415).end();
        return;
      }
      const body = Buffer.concat(chunks);
      try {
        spans.push(...decodeTraces(request.headers["content-encoding"] === "gzip" ? gunzipSync(body) : body));
      } catch (error) {
        refused.push(`undecodable body of ${body.byteLength} bytes: ${String(error)}`);
        response.writeHead(400).end();
        return;
      }
      response.writeHead(200, { "content-type": "application/x-protobuf" }).end();
      for (const listener of listeners) listener();
    });
  }, options.port);
  return {
    url: server.url,
    spans,
    refused,
    waitForTrace(traceId, enough) {
      return new Promise((resolve) => {
        const look = (): void => {
          const found = spans.filter((span) => span.traceId === traceId);
          if (!enough(found)) return;
          listeners.delete(look);
          resolve(found);
        };
        listeners.add(look);
        look();
      });
    },
    close: server.close,
  };
}

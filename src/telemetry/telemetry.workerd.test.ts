import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { expect, test } from "vitest";
import { startCallTrace } from "./call-trace.ts";
import { telemetryConfig } from "./config.ts";
import { createExporter } from "./exporter.ts";

interface Posted {
  headers: Headers;
  body: Uint8Array;
}

/** Runs one call behind a real execution context; the runtime's own `Request` takes what the exporter sends. */
async function call(
  env: Parameters<typeof telemetryConfig>[0],
): Promise<{ posted: Posted[]; traceId: string }> {
  const posted: Posted[] = [];
  const context = createExecutionContext();
  const config = telemetryConfig(env);
  const trace = startCallTrace({
    config,
    headers: new Headers({ baggage: "session.id=s-1" }),
    method: "POST",
    path: "/v1/chat/completions",
    clock: Date.now,
  });
  for (let seq = 1; seq <= 20; seq++) {
    trace
      .attempt({ seq, kind: "cloud", provider: "openai", model: "gpt-5-mini", backend: "openai" })
      .end({ outcome: "done", status: 200 });
  }
  createExporter().enqueue({
    config,
    spans: trace.end({ callId: "call-1", projectId: "default", outcome: "done", status: 200 }),
    waitUntil: (promise) => context.waitUntil(promise),
    async fetch(input, init) {
      const request = new Request(input, init);
      posted.push({ headers: request.headers, body: new Uint8Array(await request.arrayBuffer()) });
      return new Response();
    },
  });
  await waitOnExecutionContext(context);
  return { posted, traceId: trace.traceId ?? "" };
}

function bytesOf(hex: string): number[] {
  return (hex.match(/../g) ?? []).map((pair) => Number.parseInt(pair, 16));
}

function includes(body: Uint8Array, wanted: Iterable<number>): boolean {
  const text = (bytes: Iterable<number>) => String.fromCharCode(...bytes);
  return text(body).includes(text(wanted));
}

test("a call's spans leave the runtime behind its response, as protobuf", async () => {
  const { posted, traceId } = await call({ OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:4318" });
  expect(posted).toHaveLength(1);
  const [post] = posted;
  expect(post?.headers.get("content-type")).toBe("application/x-protobuf");
  expect(includes(post?.body ?? new Uint8Array(), bytesOf(traceId))).toBe(true);
  expect(includes(post?.body ?? new Uint8Array(), new TextEncoder().encode("chat gpt-5-mini"))).toBe(true);
});

test("the runtime's compression gives a body that it reads back", async () => {
  const { posted, traceId } = await call({ OTEL_EXPORTER_OTLP_ENDPOINT: "https://collector.example" });
  const [post] = posted;
  expect(post?.headers.get("content-encoding")).toBe("gzip");
  const stream = new Blob([post?.body ?? new Uint8Array()])
    .stream()
    .pipeThrough(new DecompressionStream("gzip"));
  const body = new Uint8Array(await new Response(stream).arrayBuffer());
  expect(includes(body, bytesOf(traceId))).toBe(true);
});

test("a call that is gathered by another request's post is in it", async () => {
  const exporter = createExporter();
  const config = telemetryConfig({ OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:4318" });
  const bodies: Uint8Array[] = [];
  const contexts = [createExecutionContext(), createExecutionContext()];
  const ids = contexts.map((context) => {
    const trace = startCallTrace({
      config,
      headers: new Headers(),
      method: "POST",
      path: "/v1/x",
      clock: Date.now,
    });
    exporter.enqueue({
      config,
      spans: trace.end({ callId: "c", projectId: "default", outcome: "done", status: 200 }),
      waitUntil: (promise) => context.waitUntil(promise),
      async fetch(input, init) {
        bodies.push(new Uint8Array(await new Request(input, init).arrayBuffer()));
        return new Response();
      },
    });
    return trace.traceId ?? "";
  });
  for (const context of contexts) await waitOnExecutionContext(context);
  expect(bodies).toHaveLength(1);
  for (const id of ids) expect(includes(bodies[0] ?? new Uint8Array(), bytesOf(id))).toBe(true);
});

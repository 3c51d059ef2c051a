import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ByteReader } from "../byte-reader.ts";
import { withoutKeys } from "./redact-keys.ts";
import { type BackendReply, readToEnd, replyOf } from "./reply.ts";

const KEYS = ["sk-of-the-operator-1", "sk-sk-another-one-2"];
const encode = (text: string) => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

function readerOf(chunks: readonly Uint8Array[]): ByteReader {
  const left = [...chunks];
  return {
    async read() {
      const value = left.shift();
      return value === undefined ? { done: true, value } : { done: false, value };
    },
    cancel: async () => undefined,
  };
}

const streamed = (chunks: readonly Uint8Array[]): BackendReply => ({
  ...replyOf(new Response()),
  reader: () => readerOf(chunks),
});

describe("threat: a provider's key that a backend repeats must not reach the client", () => {
  it("in a body, whole", async () => {
    const reply = replyOf(new Response(`{"a":"${KEYS[0]}","b":"x ${KEYS[1]}${KEYS[0]}"}`));
    expect(decode(await withoutKeys(reply, KEYS).whole())).toBe(
      '{"a":"[redacted]","b":"x [redacted][redacted]"}',
    );
  });

  it("in a refusal, even where it might be a word", async () => {
    const answered = (status: number) => replyOf(new Response("of lm-studio", { status }));
    const said = async (status: number) => decode(await withoutKeys(answered(status), ["lm-studio"]).whole());
    expect([await said(400), await said(200)]).toEqual(["of [redacted]", "of lm-studio"]);
  });

  it("in headers", () => {
    const headers = { "x-debug": `Bearer ${KEYS[0]}`, "x-request-id": "r" };
    const reply = withoutKeys(replyOf(new Response(null, { headers })), KEYS);
    expect([...reply.headers]).toEqual([["x-request-id", "r"]]);
  });

  it("in a stream, wherever the network cuts it", async () => {
    const piece = fc.constantFrom("s", "sk-", "sk-of-the-operat", ...KEYS, "\n\n", "é", "data: ");
    await fc.assert(
      fc.asyncProperty(
        fc.array(piece, { maxLength: 12 }),
        fc.array(fc.nat(120), { maxLength: 8 }),
        async (said, cuts) => {
          const bytes = encode(said.join(""));
          const at = [...new Set([0, ...cuts.filter((cut) => cut < bytes.length), bytes.length])].sort(
            (a, b) => a - b,
          );
          const chunks = at.slice(1).map((end, index) => bytes.subarray(at[index], end));
          const reader = withoutKeys(streamed(chunks), KEYS).reader();
          const released = decode(await readToEnd(reader));
          const whole = decode(await withoutKeys(replyOf(new Response(bytes)), KEYS).whole());
          for (const key of KEYS) expect(released).not.toContain(key);
          expect(released.replaceAll("[redacted]", "")).toBe(whole.replaceAll("[redacted]", ""));
        },
      ),
    );
  });
});

describe("a stream without keys", () => {
  it("passes chunk by chunk, each as soon as it has come", async () => {
    const reader = withoutKeys(streamed([encode("data: s\n\n"), encode("data: sk-\n\n")]), KEYS).reader();
    const reads = [await reader.read(), await reader.read(), await reader.read()];
    expect(reads.map(({ value }) => value && decode(value))).toEqual([
      "data: s\n\n",
      "data: sk-\n\n",
      undefined,
    ]);
  });
});

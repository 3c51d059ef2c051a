import { describe, expect, it } from "vitest";
import { readBody } from "./read-body.ts";

function streamed(chunks: number[], onPull: () => void): Request {
  const left = [...chunks];
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        onPull();
        const size = left.shift();
        if (size === undefined) controller.close();
        else controller.enqueue(new Uint8Array(size).fill(1));
      },
    },
    { highWaterMark: 0 },
  );
  return new Request("http://gateway/v1", { method: "POST", body, duplex: "half" } as RequestInit);
}

describe("readBody", () => {
  it("reads a body in pieces whole", async () => {
    expect(
      (
        await readBody(
          streamed([3, 4], () => undefined),
          7,
        )
      ).length,
    ).toBe(7);
  });

  it("refuses at the headers, without reading a byte, when they tell that it is too large", async () => {
    let pulls = 0;
    const request = streamed([10], () => pulls++);
    request.headers.set("content-length", "10");
    await expect(readBody(request, 9)).rejects.toMatchObject({ status: 413, code: "request_too_large" });
    expect(pulls).toBe(0);
  });

  it("stops at the first byte over the limit when the length is not told", async () => {
    let pulls = 0;
    const request = streamed(new Array(100).fill(5), () => pulls++);
    await expect(readBody(request, 9)).rejects.toMatchObject({ status: 413 });
    expect(pulls).toBeLessThanOrEqual(3);
  });
});

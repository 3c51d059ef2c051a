import { describe, expect, it } from "vitest";
import { streamType } from "./try-backend.ts";

describe("the type of a stream", () => {
  it.each([
    ["text/event-stream", "text/event-stream"],
    ["text/event-stream;charset=UTF-8", "text/event-stream;charset=UTF-8"],
    ["text/plain; charset=utf-8", "text/event-stream; charset=utf-8"],
    ["application/octet-stream", "text/event-stream; charset=utf-8"],
    ["application/x-ndjson", "text/event-stream; charset=utf-8"],
    [null, "text/event-stream; charset=utf-8"],
  ])("is that of events, also where the backend says %s", (theirs, wanted) => {
    expect(streamType(new Headers(theirs === null ? {} : { "content-type": theirs }))).toBe(wanted);
  });
});

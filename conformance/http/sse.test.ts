import { describe, expect, it } from "vitest";
import { readEventStream } from "./sse.ts";

const read = (text: string) => readEventStream(Buffer.from(text));

describe("an event stream", () => {
  it.each(["\n", "\r\n", "\r"])("ends its lines with %j", (end) => {
    const { events, violations } = read(
      ["event: a", "data: 1", "data: 2", "", ": hi", "data:3", "", ""].join(end),
    );
    expect(events).toEqual([
      { name: "a", data: "1\n2" },
      { name: null, data: "3" },
    ]);
    expect(violations).toEqual([]);
  });

  it("counts comments", () => {
    expect(read(": a\n\n:b\n\ndata: x\n\n")).toMatchObject({ comments: 2, events: [{ data: "x" }] });
  });

  it.each([
    ["data: x", "the last event lacks its blank line"],
    ["data: x\n", "the last event lacks its blank line"],
    ["dada: x\n\n", "a line of the unknown field dada"],
  ])("is at fault: %j", (text, fault) => {
    expect(read(text).violations).toEqual([fault]);
  });

  it("is UTF-8 alone", () => {
    const { violations } = readEventStream(Buffer.from([...Buffer.from("data: "), 0xff, 10, 10]));
    expect(violations).toEqual(["the stream is not valid UTF-8"]);
  });
});

import { describe, expect, it } from "vitest";
import { joinBytes } from "./bytes.ts";

describe("joinBytes", () => {
  it("joins in order", () => {
    expect([...joinBytes([new Uint8Array([1]), new Uint8Array([2, 3]), new Uint8Array(0)])]).toEqual([
      1, 2, 3,
    ]);
  });
});

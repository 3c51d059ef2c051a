import { expect, test } from "vitest";
import { parseSize } from "./parse-size.ts";

test.each([
  ["50GB", 50e9],
  ["20 GiB", 20 * 2 ** 30],
  ["1.5t", 1.5e12],
  ["512M", 512e6],
  ["100 kB", 100e3],
  ["1000", 1000],
  ["7B", 7],
  ["none", null],
  ["", null],
  ["-1GB", null],
  ["50 apples", null],
])("%j is %j bytes", (text, bytes) => {
  expect(parseSize(text)).toBe(bytes);
});

import { EventEmitter } from "node:events";
import { expect, test } from "vitest";
import { openScreen } from "./screen.ts";

test("draws what fits, ends at q, and gives the terminal back", async () => {
  let written = "";
  const raw: boolean[] = [];
  const input = Object.assign(new EventEmitter(), {
    setRawMode: (on: boolean) => raw.push(on),
    resume: () => {},
    pause: () => {},
  });
  const output = {
    columns: 10,
    rows: 3,
    write: (text: string) => {
      written += text;
    },
  };
  const screen = openScreen(input, output);
  written = "";
  screen.draw(["0123456789abc", "second", "third"]);
  expect(written).toBe("\u001b[H012345678\u001b[K\r\nsecond\u001b[K\r\n\u001b[J");
  input.emit("data", Buffer.from("x"));
  input.emit("data", Buffer.from("q"));
  await screen.left;
  screen.close();
  expect(written).toMatch(/\?1049l$/);
  expect(raw).toEqual([true, false]);
  expect(input.listenerCount("data")).toBe(0);
});

import { expect, test } from "vitest";
import { scriptBeside } from "./script-beside.ts";

test("has the ending of the file that names it", () => {
  expect(scriptBeside("./child", "file:///clone/src/host.ts")).toMatch(/[\\/]clone[\\/]src[\\/]child\.ts$/);
  expect(scriptBeside("./child", "file:///package/dist/host.js")).toMatch(/[\\/]dist[\\/]child\.js$/);
});

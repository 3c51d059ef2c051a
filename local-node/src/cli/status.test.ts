import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createConsole } from "../daemon/console.ts";
import { serveControl } from "../daemon/control.ts";
import { type NodePaths, nodePaths } from "../daemon/paths.ts";
import { IDLE_STATUS } from "../daemon/testing/idle-status.ts";
import type { CommandContext } from "./command.ts";
import type { Screen } from "./screen.ts";
import { status } from "./status.ts";

let folder: string;
let paths: NodePaths;
let printed: string[];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "routelet-cli-status-"));
  paths = nodePaths({ ROUTELET_STATE: folder });
  printed = [];
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function context(screen: (() => Screen) | null): CommandContext {
  return {
    env: {},
    paths,
    print: (line) => printed.push(line),
    console: createConsole({ stream: new PassThrough(), json: true }),
    confirm: null,
    screen,
  };
}

test("once where there is no terminal; the same as JSON for machines", async () => {
  const control = await serveControl({ socket: paths.socket, handle: () => IDLE_STATUS });
  await status.run(context(null), [], {});
  expect(printed).toContain("gateway   https://gateway.test: connected");
  expect(printed).toContain("memory    unknown on this system");
  printed = [];
  await status.run(context(null), [], { json: true });
  expect(printed.map((line) => JSON.parse(line))).toEqual([IDLE_STATUS]);
  await control.close();
});

test("at a terminal again and again until it is left; and the terminal comes back when the daemon ends", async () => {
  const control = await serveControl({ socket: paths.socket, handle: () => IDLE_STATUS });
  const draws: (readonly string[])[] = [];
  let closed = 0;
  const left = Promise.withResolvers<void>();
  const screen = (): Screen => ({
    draw: (lines) => {
      draws.push(lines);
      if (draws.length === 2) left.resolve();
    },
    close: () => {
      closed++;
    },
    left: left.promise,
  });
  await status.run(context(screen), [], {});
  expect([draws.length, closed, printed]).toEqual([2, 1, []]);
  expect(draws[0]).toContain("calls     0");
  await control.close();

  const lost = await serveControl({ socket: paths.socket, handle: () => IDLE_STATUS });
  const watching = status.run(
    context(() => ({ ...screen(), draw: () => void lost.close(), left: new Promise(() => {}) })),
    [],
    {},
  );
  await expect(watching).rejects.toThrow(/No daemon runs/);
  expect(closed).toBe(2);
});

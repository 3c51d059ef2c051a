import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { daemonCheck } from "../cli/doctor/daemon-check.ts";
import { nodePaths } from "./paths.ts";
import { askStatus, requireNoDaemon } from "./status.ts";

let folder: string;
let socket: string;
const sockets: Socket[] = [];
let server: Server | null = null;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "routelet-status-"));
  socket = join(folder, "s.sock");
});
afterEach(async () => {
  for (const one of sockets.splice(0)) one.destroy();
  await new Promise((resolve) => (server ? server.close(resolve) : resolve(null)));
  server = null;
  rmSync(folder, { recursive: true });
});

async function listen(answer: (socket: Socket) => void): Promise<void> {
  const listening = createServer((one) => {
    sockets.push(one);
    answer(one);
  });
  server = listening;
  await new Promise<void>((resolve) => listening.listen(socket, resolve));
}

test("where nothing listens no daemon runs", async () => {
  expect(await askStatus(socket)).toBeNull();
  expect(await askStatus(nodePaths({ ROUTELET_STATE: folder }).socket)).toBeNull();
});

test("a daemon that is frozen is said to be there: nobody may take its place unseen", async () => {
  await listen(() => {});
  await expect(askStatus(socket, { timeoutMs: 20 })).rejects.toMatchObject({
    kind: "already_running",
    message: expect.stringMatching(/runs, but does not answer within 0.02 s/),
  });
  await expect(requireNoDaemon(socket)).rejects.toThrow("does not answer within 2 s");
  expect(await daemonCheck(socket)).toMatchObject({ name: "daemon", verdict: "bad" });
});

test("a daemon of another version is said to be there", async () => {
  await listen((one) => one.end('{"pid":1}\n'));
  await expect(askStatus(socket)).rejects.toThrow("cannot be understood");
});

test("a daemon that was just ending has ended", async () => {
  await listen((one) => one.end());
  expect(await askStatus(socket)).toBeNull();
});

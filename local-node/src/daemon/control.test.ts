import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { daemonCheck } from "../cli/doctor/daemon-check.ts";
import { askStatus, requireNoDaemon, serveControl } from "./control.ts";
import { nodePaths } from "./paths.ts";
import { IDLE_STATUS } from "./testing/idle-status.ts";

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

test("a request that is none is refused, and one that never ends is cut off", async () => {
  const control = await serveControl({
    socket,
    handle: () => {
      throw new Error("must not be asked");
    },
  });
  const say = (text: string) =>
    new Promise<string>((resolve) => {
      const one = connect(socket, () => one.write(text));
      let received = "";
      one.setEncoding("utf8").on("data", (chunk: string) => {
        received += chunk;
      });
      one.on("error", () => {});
      one.on("close", () => resolve(received));
    });
  for (const text of ["nonsense\n", '{"command":"explode"}\n'])
    expect(JSON.parse(await say(text))).toEqual({
      ok: false,
      error: expect.stringContaining("does not know"),
    });
  expect(await say("x".repeat(5_000))).toBe("");
  await control.close();
});

test.skipIf(process.platform === "win32")(
  "of daemons that start together on one folder one has the socket, and the others are told",
  async () => {
    const started = await Promise.allSettled(
      Array.from({ length: 6 }, (_, index) =>
        serveControl({ socket, handle: () => ({ ...IDLE_STATUS, pid: index }) }),
      ),
    );
    const won = started.filter((one) => one.status === "fulfilled");
    expect(won).toHaveLength(1);
    for (const one of started) {
      if (one.status === "rejected") expect(one.reason).toMatchObject({ kind: "already_running" });
    }
    expect((await askStatus(socket))?.pid).toBe(started.findIndex((one) => one.status === "fulfilled"));
    await Promise.all(won.map((one) => one.value.close()));
    expect(await askStatus(socket)).toBeNull();
  },
);

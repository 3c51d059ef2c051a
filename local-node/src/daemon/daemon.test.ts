import { copyFile, link, mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { makeTestBinary } from "../engines/llama-server/test-binary.ts";
import { starterModelPath } from "../models/starter-model.ts";
import { startGateway, type TestGateway } from "../tunnel/testing/gateway.ts";
import { askDaemon, askStatus } from "./control.ts";
import { nodePaths } from "./paths.ts";
import { type DaemonProcess, descendants, isAlive, startDaemonProcess } from "./testing/daemon-process.ts";

// Whole daemons as processes, with the real model, at the tunnel's side of the real gateway.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 180_000 });

let gateway: TestGateway;
let model: string;
let folder: string;
let env: Record<string, string | undefined>;
const daemons: DaemonProcess[] = [];

beforeAll(async () => {
  [gateway, model] = await Promise.all([
    startGateway({ secret: "secret-for-daemon-tests-secret-for-daemon" }),
    starterModelPath(),
  ]);
});
afterAll(() => gateway.close());
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "routelet-daemon-"));
  env = { ...process.env, ROUTELET_STATE: folder, ROUTELET_MODEL: undefined };
});
afterEach(async () => {
  for (const daemon of daemons.splice(0)) {
    daemon.child.kill("SIGKILL");
    await daemon.ended;
  }
  await rm(folder, { recursive: true, force: true });
});

function start(args: string[], extra: Record<string, string | undefined> = {}): DaemonProcess {
  const daemon = startDaemonProcess(args, { ...env, ...extra });
  daemons.push(daemon);
  return daemon;
}

async function token(): Promise<string> {
  const answer = (await (await fetch(`${gateway.url}/token`)).json()) as { token: string };
  return answer.token;
}

async function joined(args: string[] = ["--model", model]): Promise<DaemonProcess> {
  const daemon = start(["join", gateway.url, ...args], { ROUTELET_JOIN_TOKEN: await token() });
  await daemon.notice("ready");
  return daemon;
}

function status() {
  return askStatus(nodePaths(env).socket);
}

/** A node that serves nothing of its own: quick to start, for what has nothing to do with models. */
async function joinedWithoutModel(): Promise<DaemonProcess> {
  return joined(["--attach", "http://127.0.0.1:1/v1"]);
}

describe("a daemon", () => {
  test("joins, loads the model, serves, keeps its secrets, and ends on SIGTERM with nothing left behind", async () => {
    const secret = await token();
    const daemon = start(["join", gateway.url, "--model", model, "--name", "desk"], {
      ROUTELET_JOIN_TOKEN: secret,
    });
    expect(await daemon.notice("ready")).toEqual({
      type: "ready",
      models: [expect.stringContaining("smollm2")],
    });
    const paths = nodePaths(env);

    const current = await status();
    expect(current).toMatchObject({
      pid: daemon.child.pid,
      gatewayUrl: gateway.url,
      node: { name: "desk" },
      tunnel: { phase: "connected" },
      state: {
        models: [{ engine: "embedded", loaded: true, quantisation: "Q4_1", contextTokens: 8192 }],
        draining: false,
      },
    });

    const reply = await fetch(`${gateway.url}/dispatch/${current?.node.id}`, {
      method: "POST",
      body: JSON.stringify({
        model: current?.state.models[0]?.id,
        messages: [{ role: "user", content: "Say hello." }],
        max_tokens: 8,
        temperature: 0,
      }),
    });
    expect(reply.status).toBe(200);
    const completion = (await reply.json()) as { choices: { message: { content: string } }[] };
    expect(completion.choices[0]?.message.content).toMatch(/\w/);

    const seen = await status();
    expect(seen?.vitals.calls).toMatchObject({
      total: 1,
      failed: 0,
      recent: [{ model: current?.state.models[0]?.id, outcome: "ok", energyJoules: null }],
    });
    expect(seen?.vitals.calls.recent[0]?.completionTokens).toBeGreaterThan(0);
    expect(JSON.stringify(seen)).not.toMatch(/Say hello/);

    for (const path of [paths.folder, paths.identity, paths.config, paths.socket]) {
      expect((await stat(path)).mode & 0o077).toBe(0);
    }
    const { seed } = JSON.parse(await readFile(paths.identity, "utf8")) as { seed: string };
    const children = await descendants(daemon.child.pid ?? 0);
    for (const child of children) {
      expect(await readFile(`/proc/${child}/environ`, "utf8").catch(() => "")).not.toContain(secret);
    }

    const second = start(["run"]);
    expect(await second.ended).toBe(6);
    expect(second.lines.at(-1)?.message).toMatch(/runs already/);

    daemon.child.kill("SIGTERM");
    expect(await daemon.ended).toBe(0);
    expect(children.filter(isAlive)).toEqual([]);
    expect(await status()).toBeNull();
    expect(daemon.lines.every((line) => line.level !== "unparsed")).toBe(true);
    for (const hidden of [secret, seed, "Say hello"]) expect(daemon.stderr()).not.toContain(hidden);
  });

  test.runIf(process.platform === "linux")(
    "paused, it gives the memory back and tells the gateway; resumed, it answers again",
    async () => {
      const daemon = await joined();
      const { socket } = nodePaths(env);
      const node = (await status())?.node.id;
      const ask = () =>
        fetch(`${gateway.url}/dispatch/${node}`, {
          method: "POST",
          body: JSON.stringify({
            model: "smollm2-135m-instruct",
            messages: [{ role: "user", content: "Hello" }],
            max_tokens: 2,
          }),
        });
      const [model] = (await status())?.state.models ?? [];
      expect(model?.id).toBe("smollm2-135m-instruct");
      const children = await descendants(daemon.child.pid ?? 0);
      const paused = await askDaemon(socket, { command: "pause", forMs: 3_600_000 });
      expect(paused?.paused).toMatchObject({ reason: "owner" });
      await vi.waitFor(() => expect(children.filter(isAlive)).toEqual([]), { timeout: 20_000 });
      expect((await status())?.state).toMatchObject({
        models: [{ id: model?.id, loaded: false }],
        slots: { total: 0 },
        draining: true,
        paused: true,
      });
      const refused = await ask();
      expect(refused.status).toBe(503);
      expect(await refused.json()).toMatchObject({ error: { code: "node_paused" } });
      expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(3_000);

      daemon.child.kill("SIGTERM");
      await daemon.ended;
      const again = start(["run"]);
      await again.notice("ready");
      expect((await status())?.paused?.reason).toBe("owner");
      // For a moment a process looks at the hardware; none holds a model.
      await vi.waitFor(async () => expect(await descendants(again.child.pid ?? 0)).toEqual([]), {
        timeout: 20_000,
      });
      expect((await askDaemon(socket, { command: "resume" }))?.paused).toBeNull();
      await vi.waitFor(async () => expect((await ask()).status).toBe(200), {
        timeout: 60_000,
        interval: 500,
      });
      expect((await status())?.state).toMatchObject({ draining: false, paused: false });
    },
  );

  test("has further models, that the gateway sees as not loaded and whose first call loads them", async () => {
    const second = join(folder, "second.gguf");
    await link(model, second).catch(() => copyFile(model, second));
    const daemon = start(["join", gateway.url, "--model", model], {
      ROUTELET_JOIN_TOKEN: await token(),
      ROUTELET_NODE_ENGINES_EMBEDDED_MORE: JSON.stringify([second, join(folder, "none.gguf")]),
    });
    await daemon.notice("ready");
    await vi.waitFor(async () => {
      expect((await status())?.state.models).toEqual([
        expect.objectContaining({ loaded: true }),
        expect.objectContaining({ id: "second", loaded: false }),
      ]);
    });
    await vi.waitFor(() =>
      expect(daemon.lines.map((line) => line.message).join()).toMatch(/none\.gguf is not available/),
    );
    const node = (await status())?.node.id;
    const reply = await fetch(`${gateway.url}/dispatch/${node}`, {
      method: "POST",
      body: JSON.stringify({
        model: "second",
        messages: [{ role: "user", content: "Say hello." }],
        max_tokens: 4,
      }),
    });
    expect(reply.status).toBe(200);
    await reply.text();
    expect((await status())?.state.models.map(({ loaded }) => loaded)).toEqual([true, true]);
    daemon.child.kill("SIGTERM");
    expect(await daemon.ended).toBe(0);
  });

  test.runIf(process.platform === "linux")("killed hard, its model's process goes too", async () => {
    const daemon = await joined();
    const children = await descendants(daemon.child.pid ?? 0);
    expect(children.length).toBeGreaterThan(0);
    daemon.child.kill("SIGKILL");
    await daemon.ended;
    await vi.waitFor(() => expect(children.filter(isAlive)).toEqual([]), { timeout: 20_000 });
  });

  test.runIf(process.platform === "linux")(
    "gives its model to the owner's llama-server, which goes with it, even killed hard",
    async () => {
      const server = await makeTestBinary();
      try {
        env = {
          ...env,
          PATH: `${server.folder}${delimiter}${env.PATH}`,
          ROUTELET_NODE_ENGINES_LLAMA_SERVER_ENABLED: "true",
        };
        const daemon = await joined();
        expect((await status())?.state.models).toEqual([
          expect.objectContaining({ engine: "llama-server", loaded: true, contextTokens: 8192 }),
        ]);
        const children = await descendants(daemon.child.pid ?? 0);
        expect(children.length).toBeGreaterThanOrEqual(2);
        for (const child of children) {
          expect(await readFile(`/proc/${child}/cmdline`, "utf8")).not.toMatch(/[0-9a-f]{64}/);
        }
        daemon.child.kill("SIGKILL");
        await daemon.ended;
        await vi.waitFor(() => expect(children.filter(isAlive)).toEqual([]), { timeout: 20_000 });
      } finally {
        await server.remove();
      }
    },
  );

  test("runs again with the saved identity, at the gateway's new address too, until its parent goes", async () => {
    const first = await joinedWithoutModel();
    first.child.kill("SIGTERM");
    expect(await first.ended).toBe(0);
    const other = gateway.url.replace("127.0.0.1", "localhost");
    const second = start(["run", "--gateway", other]);
    await second.notice("ready");
    expect((await status())?.gatewayUrl).toBe(other);
    second.child.disconnect();
    expect(await second.ended).toBe(0);
  });

  test("a gateway that is not there: it keeps trying, and status says why", async () => {
    const first = await joinedWithoutModel();
    first.child.kill("SIGTERM");
    await first.ended;
    const daemon = start(["run", "--gateway", "http://127.0.0.1:1"]);
    await vi.waitFor(async () => expect((await status())?.tunnel.lastError).toMatch(/127\.0\.0\.1:1/), {
      timeout: 60_000,
    });
    daemon.child.kill("SIGTERM");
    expect(await daemon.ended).toBe(0);
  });
});

describe("a daemon that cannot run says why, with an exit code of its own", () => {
  test("3: nothing was joined", async () => {
    const daemon = start(["run"]);
    expect(await daemon.ended).toBe(3);
    expect(daemon.lines.at(-1)?.message).toMatch(/has not joined.*npm run node -- join/);
  });

  test("3: the token was refused", async () => {
    const daemon = start(["join", gateway.url, "--token", "wrong", "--model", model]);
    expect(await daemon.ended).toBe(3);
    expect(daemon.lines).toHaveLength(1);
    expect(daemon.lines[0]?.message).toMatch(/token/);
  });

  test("4: there is no model to be had, which costs no token", async () => {
    const secret = { ROUTELET_JOIN_TOKEN: await token() };
    const missing = join(folder, "nowhere.gguf");
    for (const daemon of [
      start(["join", gateway.url, "--model", missing], secret),
      start(["join", gateway.url], { ...secret, ROUTELET_MODEL: missing }),
    ]) {
      expect(await daemon.ended).toBe(4);
      expect(daemon.lines.at(-1)?.message).toMatch(/no model file/);
    }
    await start(["join", gateway.url, "--attach", "http://127.0.0.1:1/v1"], secret).notice("ready");
  });

  test("6: joining where a daemon runs leaves its identity and the token as they were", async () => {
    await joinedWithoutModel();
    const { identity } = nodePaths(env);
    const before = await readFile(identity, "utf8");
    const secret = { ROUTELET_JOIN_TOKEN: await token() };
    const args = ["join", gateway.url, "--attach", "http://127.0.0.1:1/v1"];
    const second = start(args, secret);
    expect(await second.ended).toBe(6);
    expect(second.lines.at(-1)?.message).toMatch(/runs already/);
    expect(JSON.parse(await readFile(identity, "utf8"))).toMatchObject({
      nodeId: (JSON.parse(before) as { nodeId: string }).nodeId,
    });
    await start(args, { ...secret, ROUTELET_STATE: join(folder, "elsewhere") }).notice("ready");
  });

  test("5: the operator revoked it", async () => {
    const daemon = await joinedWithoutModel();
    const current = await status();
    await fetch(`${gateway.url}/revoke/${current?.node.id}`);
    expect(await daemon.ended).toBe(5);
    expect(daemon.lines.at(-1)?.message).toMatch(/revoked/);
  });

  test("1: it should use a llama-server, and there is none", async () => {
    const daemon = start(["join", gateway.url, "--model", model], {
      ROUTELET_JOIN_TOKEN: await token(),
      ROUTELET_NODE_ENGINES_LLAMA_SERVER_ENABLED: "true",
      PATH: folder,
    });
    expect(await daemon.ended).toBe(1);
    expect(daemon.lines.at(-1)?.message).toMatch(/no llama-server on PATH. Install llama.cpp, set/);
  });

  test("1: the configuration is wrong", async () => {
    const { folder: state, config } = nodePaths(env);
    await mkdir(state, { recursive: true });
    await writeFile(config, 'queueLimit = "many"');
    const daemon = start(["run"]);
    expect(await daemon.ended).toBe(1);
    expect(daemon.lines.at(-1)?.message).toMatch(/config\.toml: queueLimit/);
  });
});

import { readFile, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { startPacedEngine } from "./harness/paced-engine.ts";
import { freePort, processTree, untilGone } from "./harness/processes.ts";
import { type StartProcess, spawnStart } from "./harness/start-process.ts";
import { makeTempFolder } from "./harness/temp-folder.ts";

const cleanups: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});

async function newState(): Promise<string> {
  const folder = await makeTempFolder();
  cleanups.push(folder.remove);
  return folder.path;
}

/** Without a model to be had the start is quick, and needs no network. */
function start(options: { stateDir: string; port: number; env?: Record<string, string> }): StartProcess {
  const child = spawnStart({ ...options, env: { ROUTELET_MODEL: "/nowhere/model.gguf", ...options.env } });
  const tree = (): Promise<void> => untilGone([child.pid]);
  cleanups.push(async () => {
    child.kill("SIGTERM");
    await tree();
  });
  return child;
}

test("without a model the gateway starts, answers, and says what to do", async () => {
  const port = await freePort();
  const child = start({ stateDir: await newState(), port });
  expect(await child.ready).toBe(`http://127.0.0.1:${port}`);
  expect(child.stdout().match(/^ready .*$/gm)).toHaveLength(1);
  expect(child.stderr()).toContain("ROUTELET_MODEL");
  expect(child.stderr()).toContain("OPENAI_API_KEY");
  expect((await fetch(`http://127.0.0.1:${port}/health`)).status).toBe(200);
});

test("a start asks for no login and no network", async () => {
  const child = start({
    stateDir: await newState(),
    port: await freePort(),
    // Whatever would leave this machine by a client that knows proxies would fail here, and be said.
    env: { HTTPS_PROXY: "http://127.0.0.1:9", HTTP_PROXY: "http://127.0.0.1:9", NO_PROXY: "127.0.0.1" },
  });
  await child.ready;
  expect(child.stderr()).not.toMatch(/log ?in|wrangler|cloudflare\.com/i);
});

test("a second start reuses secrets and data of the first, and the first leaves no process", async () => {
  const stateDir = await newState();
  const port = await freePort();
  const first = start({ stateDir, port });
  const url = await first.ready;
  const file = join(stateDir, "secrets.json");
  const secrets = await readFile(file, "utf8");
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  const { ROUTELET_ADMIN_KEY: adminKey, ROUTELET_API_KEY: apiKey } = JSON.parse(secrets) as Record<
    string,
    string
  >;
  expect(first.stdout()).toContain(apiKey);
  const created = await fetch(`${url}/api/keys`, {
    method: "POST",
    headers: { authorization: `Bearer ${adminKey}`, "content-type": "application/json" },
    body: JSON.stringify({ name: "kept" }),
  });
  expect(created.status).toBe(201);
  const { key } = (await created.json()) as { key: string };
  const pids = processTree(first.pid);
  expect(pids.length).toBeGreaterThanOrEqual(4);
  first.kill("SIGINT");
  expect(await first.exited).toBe(0);
  await untilGone(pids);

  const second = start({ stateDir, port });
  await second.ready;
  expect(await readFile(file, "utf8")).toBe(secrets);
  const answer = await fetch(`${url}/v1/models`, { headers: { authorization: `Bearer ${key}` } });
  expect(answer.status).toBe(200);
});

test("a port in use gives one line that names the port and the way out", async () => {
  const squatter = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => squatter.once("listening", resolve));
  cleanups.push(async () => void squatter.close());
  const address = squatter.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const child = start({ stateDir: await newState(), port });
  expect(await child.exited).toBe(1);
  expect(child.stderr()).toContain(`Port ${port} is in use`);
  expect(child.stderr()).toContain("PORT=");
  expect(child.stderr()).not.toContain("    at ");
  expect(child.stdout()).not.toContain("ready");
});

test("a second start on a running state is refused in one line, and the first goes on", async () => {
  const stateDir = await newState();
  const first = start({ stateDir, port: await freePort() });
  const url = await first.ready;
  const second = start({ stateDir, port: await freePort() });
  expect(await second.exited).toBe(1);
  expect(second.stderr()).toContain("Another gateway is running with the state in");
  expect((await fetch(`${url}/health`)).status).toBe(200);
});

test("damaged secrets are named, never replaced: the stored content would be lost", async () => {
  const stateDir = await newState();
  await writeFile(join(stateDir, "secrets.json"), "{ not json");
  const child = start({ stateDir, port: await freePort() });
  expect(await child.exited).toBe(1);
  expect(child.stderr()).toContain("secrets.json is damaged");
  expect(await readFile(join(stateDir, "secrets.json"), "utf8")).toBe("{ not json");
});

test.each(["the bootstrap", "the start script", "everything but workerd's holder"])(
  "no orphan keeps the port when %s is killed hard",
  async (victim) => {
    const child = start({ stateDir: await newState(), port: await freePort() });
    await child.ready;
    const pids = processTree(child.pid);
    const [bootstrap, script] = pids;
    if (bootstrap === undefined || script === undefined) throw new Error("no processes");
    const victims = { "the bootstrap": [bootstrap], "the start script": [script] }[victim] ?? [
      bootstrap,
      script,
    ];
    for (const pid of victims) process.kill(pid, "SIGKILL");
    await untilGone(pids);
  },
);

test("no orphan is left when the process that holds workerd is killed hard", async () => {
  const child = start({ stateDir: await newState(), port: await freePort() });
  await child.ready;
  const pids = processTree(child.pid);
  const holder = pids[2];
  if (holder === undefined) throw new Error("no holder");
  process.kill(holder, "SIGKILL");
  expect(await child.exited).toBe(1);
  await untilGone(pids);
  expect(child.stderr()).toContain("The gateway has ended unexpectedly");
});

test("a daemon that dies is started again, and that is said", async () => {
  const engine = await startPacedEngine({ tokens: 5, tokensPerSecond: 1_000 });
  cleanups.push(engine.close);
  const stateDir = await newState();
  const port = await freePort();
  // The first start joins; then its configuration is given an attached engine, so that a node serves without a model.
  const joining = start({ stateDir, port });
  await joining.ready;
  joining.kill("SIGINT");
  await joining.exited;
  const configPath = join(stateDir, "node", "config.json");
  const config = JSON.parse(await readFile(configPath, "utf8")) as { engines: object };
  config.engines = { embedded: null, attach: [{ url: `${engine.url}/v1` }] };
  await writeFile(configPath, JSON.stringify(config));

  const child = start({ stateDir, port });
  await child.ready;
  const daemon = daemonOf(child.pid);
  process.kill(daemon, "SIGKILL");
  await untilSaid(child, "starting it again");
  await untilSaid(child, "Connected to the gateway", 2);
  expect(daemonOf(child.pid)).not.toBe(daemon);
});

function daemonOf(pid: number): number {
  // Breadth first: bootstrap, start script, then its children in the order of their start.
  const daemon = processTree(pid)[3];
  if (daemon === undefined) throw new Error("no daemon");
  return daemon;
}

async function untilSaid(child: StartProcess, text: string, times = 1): Promise<void> {
  while (child.stderr().split(text).length - 1 < times)
    await new Promise((resolve) => setTimeout(resolve, 50));
}

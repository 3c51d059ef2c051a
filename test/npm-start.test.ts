import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, stat, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { ROOT } from "../scripts/paths.ts";
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

test("without a model the gateway starts, and says that nothing can answer and what to do", async () => {
  const port = await freePort();
  const child = start({ stateDir: await newState(), port });
  expect(await child.ready).toBe(`http://127.0.0.1:${port}`);
  expect(child.stdout().match(/^ready .*$/gm)).toHaveLength(1);
  expect(child.stderr()).toContain("Set ROUTELET_MODEL");
  expect(child.stderr()).toContain("Cloud providers: none; to have one, set OPENAI_API_KEY");
  expect(child.stdout()).toMatch(/Nothing can answer calls yet[\s\S]*\nready /);
  expect(child.stdout()).not.toContain("curl");
  expect((await fetch(`http://127.0.0.1:${port}/health`)).status).toBe(200);
});

test("with a cloud provider and no model the sample call is shown, and the key is not", async () => {
  const env = { OPENAI_API_KEY: "sk-hidden-key", OPENAI_BASE_URL: "http://127.0.0.1:9/v1" };
  const child = start({ stateDir: await newState(), port: await freePort(), env });
  await child.ready;
  expect(child.stderr()).toContain("Cloud providers: openai.");
  expect(child.stdout()).toContain("curl http://127.0.0.1:");
  expect(child.stdout()).not.toContain("Nothing can answer");
  expect(child.stdout() + child.stderr()).not.toContain("sk-hidden-key");
});

test("routelet.config.json is in force from the first call on, and switches providers on", async () => {
  const folder = await newState();
  const config = join(folder, "routelet.config.json");
  const provider = { name: "own", base_url: "http://127.0.0.1:9/v1", keys: [{ key: "$OWN_KEY" }] };
  await writeFile(config, JSON.stringify({ default_model: "own/m", providers: [provider] }));
  const env = { ROUTELET_CONFIG: config, OWN_KEY: "sk-own-secret", ROUTELET_ADMIN_KEY: "a".repeat(32) };
  const child = start({ stateDir: folder, port: await freePort(), env });
  const url = await child.ready;
  expect(child.stderr()).toContain(`Settings from ${config}`);
  expect(child.stderr()).toContain("Cloud providers: own.");
  const response = await fetch(`${url}/api/settings`, {
    headers: { authorization: `Bearer ${env.ROUTELET_ADMIN_KEY}` },
  });
  const text = await response.text();
  expect(JSON.parse(text)).toMatchObject({
    default_model: "own/m",
    providers: [{ keys: [{ has_key: true }] }],
  });
  expect(text + child.stderr() + child.stdout()).not.toContain("sk-own-secret");
});

test.each([
  ["a field that is wrong", '{"deadlines":{"total_ms":1}}', "deadlines.total_ms"],
  [
    "a provider in a cloud's metadata",
    '{"providers":[{"name":"own","base_url":"http://169.254.169.254/"}]}',
    "providers[0].base_url",
  ],
  ["no JSON", "{", "is not JSON"],
])("routelet.config.json with %s ends the start with one line and exit code 1", async (_name, text, said) => {
  const folder = await newState();
  const config = join(folder, "routelet.config.json");
  await writeFile(config, text);
  const child = start({ stateDir: folder, port: await freePort(), env: { ROUTELET_CONFIG: config } });
  child.ready.catch(() => undefined);
  expect(await child.exited).toBe(1);
  const lines = child
    .stderr()
    .split("\n")
    .filter((line) => line.includes(config));
  expect(lines).toHaveLength(1);
  expect(lines[0]).toContain(said);
});

test("a damaged model file is called what it is", async () => {
  const stateDir = await newState();
  const model = join(stateDir, "damaged.gguf");
  await writeFile(model, "no weights");
  const child = start({ stateDir, port: await freePort(), env: { ROUTELET_MODEL: model } });
  await child.ready;
  expect(child.stderr()).toContain("damaged.gguf: The model file is damaged or not GGUF");
  expect(child.stderr()).not.toMatch(/fetch/i);
});

test("the admin key is put into a variable by a line to paste, without being shown", async () => {
  const folder = join(await newState(), 'it\'s a "state" $HOME');
  const child = start({ stateDir: folder, port: await freePort() });
  await child.ready;
  const line = /^ +(export ROUTELET_ADMIN_KEY=.*)$/m.exec(child.stdout())?.[1] ?? "";
  const { ROUTELET_ADMIN_KEY: key = "" } = JSON.parse(
    await readFile(join(folder, "secrets.json"), "utf8"),
  ) as Record<string, string>;
  const shell = ["-c", `${line}; printf %s "$ROUTELET_ADMIN_KEY"`];
  expect(execFileSync("sh", shell, { encoding: "utf8" })).toBe(key);
  expect(child.stdout() + child.stderr()).not.toContain(key);
});

test.each([
  [{ ROUTELET_SECRET: "short" }, "ROUTELET_SECRET has 5 characters and needs at least 32."],
  [{ ROUTELET_ADMIN_KEY: "" }, "ROUTELET_ADMIN_KEY is set but empty."],
])("a secret that cannot work ends the start in one line: %j", async (env, message) => {
  const child = start({ stateDir: await newState(), port: await freePort(), env });
  expect(await child.exited).toBe(1);
  expect(child.stderr().trim().split("\n")).toEqual([expect.stringContaining(message)]);
  expect(child.stdout()).toBe("");
});

test("a state folder that cannot be made ends the start in one line", async () => {
  const folder = await newState();
  await writeFile(join(folder, "file"), "");
  await symlink(join(folder, "nowhere"), join(folder, "link"));
  for (const stateDir of [join(folder, "file", "x"), join(folder, "link", "x"), "/proc/routelet"]) {
    const child = start({ stateDir, port: await freePort() });
    expect(await child.exited).toBe(1);
    expect(child.stderr()).toMatch(/^The folder .* cannot hold the state: .*ROUTELET_STATE.*\n$/);
  }
});

test("on all addresses it says who can call, and a second machine joins with the token that it prints", async () => {
  const env = { HOST: "0.0.0.0", OPENAI_BASE_URL: "http://127.0.0.1:9/v1" };
  const stateDir = await newState();
  const child = start({ stateDir, port: await freePort(), env });
  const url = await child.ready;
  expect(child.stdout()).toContain("HOST=0.0.0.0: every machine that reaches http://");
  const command = /ROUTELET_JOIN_TOKEN=(\S+) npm run node -- join (\S+) --allow-insecure-lan$/m;
  const [, token = "", address = ""] = command.exec(child.stdout()) ?? [];
  expect(new URL(address).port).toBe(new URL(url).port);
  const args = ["join", url, "--allow-insecure-lan", "--attach", "http://127.0.0.1:9/v1"];
  const daemon = spawn(process.execPath, [join(ROOT, "local-node/src/cli.ts"), ...args], {
    env: { ...process.env, ROUTELET_STATE: join(stateDir, "second"), ROUTELET_JOIN_TOKEN: token },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const ended = once(daemon, "exit");
  try {
    let said = "";
    for await (const chunk of daemon.stderr) {
      said += String(chunk);
      if (said.includes("Connected to the gateway")) break;
    }
    expect(said).toContain("Connected to the gateway");
  } finally {
    daemon.kill("SIGTERM");
    await ended;
  }
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

/** The first start joins; then its configuration is given an attached engine, so that a node serves without a model. */
async function joinedWithEngine(engineUrl: string): Promise<{ stateDir: string; port: number }> {
  const stateDir = await newState();
  const port = await freePort();
  // The model's address is sound, so that the node joins, and no one is there.
  const joining = start({ stateDir, port, env: { ROUTELET_MODEL: "http://127.0.0.1:9/m.gguf" } });
  await joining.ready;
  joining.kill("SIGINT");
  await joining.exited;
  await writeFile(
    join(stateDir, "node", "config.toml"),
    `[engines.embedded]\nenabled = false\n[[engines.attach]]\nurl = "${engineUrl}/v1"\n`,
  );
  return { stateDir, port };
}

test("a node whose engine serves nothing yet does not hold up the start", async () => {
  const child = start(await joinedWithEngine("http://127.0.0.1:9"));
  await child.ready;
  expect(child.stderr()).toContain("its engines serve no model");
  expect(child.stdout()).toContain("Nothing can answer calls yet");
});

test("a daemon that dies is started again, and that is said", async () => {
  const engine = await startPacedEngine({ tokens: 5, tokensPerSecond: 1_000 });
  cleanups.push(engine.close);
  const { stateDir, port } = await joinedWithEngine(engine.url);

  const child = start({ stateDir, port });
  await child.ready;
  const daemon = daemonOf(child.pid);
  process.kill(daemon, "SIGKILL");
  await untilSaid(child, "The local node ended by SIGKILL; starting it again");
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

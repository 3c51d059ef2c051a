import { resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { makeStateFolder } from "../local-node/src/daemon/state-folder.ts";
import { starterEntry } from "../local-node/src/models/catalogue.ts";
import { configuredProviders } from "../src/backends/providers/registry.ts";
import { explainStartError, StartError } from "./gateway/start-error.ts";
import { type RunningGateway, startGateway } from "./gateway.ts";
import { onParentGone } from "./lifeline.ts";
import { addressesOf } from "./start/addresses.ts";
import {
  accessLines,
  cloudLine,
  exposureLines,
  nothingAnswersLines,
  sampleLines,
  servedLines,
  withoutNodeLines,
} from "./start/banner.ts";
import { applyConfigFile, readConfigFile } from "./start/config-file.ts";
import { type NodeProcess, startNode } from "./start/node-process.ts";
import { withoutOwnAddress } from "./start/own-address.ts";
import { checkSecrets, loadSecrets, secretsPath } from "./start/secrets.ts";
import { nodeEnvironment, workerVars } from "./start/worker-vars.ts";

// `npm start`: gateway and local node on this machine. People read stderr and stdout; programs read one line on
// stdout: `ready http://…`.

const { env } = process;
const stateDir = resolve(env.ROUTELET_STATE || ".routelet");
const host = env.HOST || "127.0.0.1";
const port = Number(env.PORT || "8787");

let gateway: RunningGateway | undefined;
let node: NodeProcess | undefined;
let stopping: Promise<never> | undefined;

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

function print(lines: string[]): void {
  process.stdout.write(`${lines.join("\n")}\n`);
}

/** Ends the node first, so that its running calls can finish through the gateway. */
function stop(code: number): Promise<never> {
  stopping ??= (async () => {
    await node?.stop();
    await gateway?.dispose();
    process.exit(code);
  })();
  return stopping;
}

async function createJoinToken(url: string, adminKey: string): Promise<string> {
  const response = await fetch(`${url}/api/nodes/join-tokens`, {
    method: "POST",
    headers: { authorization: `Bearer ${adminKey}`, "content-type": "application/json" },
    body: "{}",
  });
  const body = (await response.json()) as { token?: string };
  if (!response.ok || body.token === undefined)
    throw new Error(`The gateway gave no join token (HTTP ${response.status}).`);
  return body.token;
}

/** The node is connected before every isolate of the gateway has heard of it: ready is when a call finds it. */
async function untilListed(url: string, apiKey: string): Promise<void> {
  for (;;) {
    const response = await fetch(`${url}/v1/models`, { headers: { authorization: `Bearer ${apiKey}` } });
    const body = (await response.json()) as { data?: { id: string }[] };
    if (body.data?.some((model) => model.id.startsWith("slm/"))) return;
    await delay(100);
  }
}

async function main(): Promise<void> {
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    throw new StartError(`PORT=${env.PORT} is not a port. Choose one from 1 to 65535.`);
  for (const warning of checkSecrets(env)) say(`warn: ${warning}`);
  await makeStateFolder(stateDir);
  const secrets = loadSecrets({ stateDir, env });
  const addresses = addressesOf({ host, port });
  const { local, outside } = addresses;
  const others = withoutOwnAddress({ env, addresses, port });
  for (const notice of others.notices) say(`warn: ${notice}`);
  let providers = configuredProviders(others.env, { ai: false });
  const config = await readConfigFile({ folder: ".", env });
  say("Starting the gateway …");
  gateway = await startGateway({
    stateDir,
    host,
    port,
    vars: workerVars({ env: others.env, secrets }),
    log: ({ level, message }) => {
      // workerd marks what is not worth reporting.
      if ((level === "error" || level === "warn") && !message.startsWith("NOSENTRY")) say(message);
    },
  });
  void gateway.exited.then(() => {
    if (stopping !== undefined) return;
    say("The gateway has ended unexpectedly.");
    void stop(1);
  });
  if (config !== null) {
    const more = await applyConfigFile({ config, url: local, adminKey: secrets.ROUTELET_ADMIN_KEY });
    providers = [...new Set([...providers, ...more])];
    say(`Settings from ${config.path}.`);
  }
  say(`The gateway listens on ${local}. Starting the local node …`);
  const joinToken = (): Promise<string> => createJoinToken(local, secrets.ROUTELET_ADMIN_KEY);
  node = startNode({
    gatewayUrl: local,
    env: nodeEnvironment({ env, stateDir, without: config?.variables ?? [] }),
    createJoinToken: joinToken,
    allowInsecureLan: outside.length > 0,
    say,
  });
  const outcome = await node.outcome;
  if (stopping !== undefined) return;
  const access = { url: local, apiKey: secrets.ROUTELET_API_KEY };
  const trouble = "problem" in outcome ? outcome.problem : outcome.models.length === 0 ? "idle" : null;
  if ("models" in outcome && trouble === null) {
    await untilListed(local, secrets.ROUTELET_API_KEY);
    for (const line of servedLines({ models: outcome.models, starterId: starterEntry().id })) say(line);
  }
  const hasCloud = providers.length > 0;
  if (trouble !== null) for (const line of withoutNodeLines({ problem: trouble, hasCloud })) say(line);
  say(cloudLine(providers));
  print(accessLines({ ...access, adminKeyFile: env.ROUTELET_ADMIN_KEY ? null : secretsPath(stateDir) }));
  print(trouble === null || hasCloud ? sampleLines(access) : nothingAnswersLines(trouble));
  if (outside.length > 0) print(exposureLines({ host, urls: outside, joinToken: await joinToken() }));
  print([`ready ${local}`]);
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => void stop(0));
onParentGone(() => void stop(0));
try {
  await main();
} catch (thrown) {
  const error = explainStartError(thrown, { stateDir, port });
  say(error instanceof StartError ? error.message : `Routelet could not start: ${String(error)}`);
  await stop(1);
}

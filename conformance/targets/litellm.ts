import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { ROOT } from "../../scripts/paths.ts";
import { freePort } from "../../test/harness/processes.ts";
import type { Launch } from "./launch.ts";

/** Not 1.82.7, 1.82.8 or 1.107.0: those were tampered with. */
const LITELLM = "litellm[proxy]==1.80.0";
const KEY = "sk-conformance";

async function runTo(command: string, args: readonly string[]): Promise<void> {
  const child = spawn(command, args, { stdio: ["ignore", "ignore", "inherit"] });
  const [code] = await once(child, "exit");
  if (code !== 0) throw new Error(`${command} ${args.join(" ")} failed`);
}

/** Its name for an OpenAI-compatible server without `/v1/responses`; by `openai` it passes fewer cases. */
const COMPATIBLE = "hosted_vllm";

/** LiteLLM's proxy in a virtual environment of its own; fetched by name on first use. */
export const startLiteLlm: Launch = async (upstreams) => {
  const folder = resolve(ROOT, "node_modules/.cache/conformance-litellm");
  const program = resolve(folder, "bin/litellm");
  if (!existsSync(program)) {
    await runTo("python3", ["-m", "venv", folder]);
    await runTo(resolve(folder, "bin/pip"), ["install", "--quiet", LITELLM]);
  }
  await mkdir(folder, { recursive: true });
  const config = resolve(folder, "config.yaml");
  await writeFile(
    config,
    [
      "model_list:",
      '  - model_name: "gpt-*"',
      `    litellm_params: { model: "${COMPATIBLE}/gpt-*", api_base: "http://127.0.0.1:${upstreams.openai.port}/v1", api_key: "upstream-key" }`,
      '  - model_name: "claude-*"',
      `    litellm_params: { model: "anthropic/claude-*", api_base: "http://127.0.0.1:${upstreams.anthropic.port}", api_key: "upstream-key" }`,
      "litellm_settings: { num_retries: 0, telemetry: false }",
      // One broken case must not close the deployment that all others go through.
      "router_settings: { num_retries: 0, disable_cooldowns: true }",
      `general_settings: { master_key: "${KEY}" }`,
      "",
    ].join("\n"),
  );
  const port = await freePort();
  const child = spawn(program, ["--config", config, "--host", "127.0.0.1", "--port", String(port)], {
    stdio: "ignore",
    env: { ...process.env, LITELLM_LOCAL_MODEL_COST_MAP: "True", NO_PROXY: "127.0.0.1" },
  });
  const baseUrl = `http://127.0.0.1:${port}`;
  for (let tries = 0; ; tries++) {
    const up = await fetch(`${baseUrl}/health/liveliness`).then(
      ({ ok }) => ok,
      () => false,
    );
    if (up) break;
    if (tries > 240 || child.exitCode !== null) throw new Error("LiteLLM did not start");
    await delay(500);
  }
  return {
    name: LITELLM,
    target: { baseUrl, key: KEY },
    adminKey: null,
    async close() {
      child.kill("SIGTERM");
      if (child.exitCode === null) await once(child, "exit");
    },
  };
};

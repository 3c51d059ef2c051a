import type { Addresses } from "./addresses.ts";

type Environment = Record<string, string | undefined>;

/** The variables that name a provider's server, each with the key that goes there. */
const SERVERS = [
  { url: "OPENAI_BASE_URL", key: "OPENAI_API_KEY" },
  { url: "ANTHROPIC_BASE_URL", key: "ANTHROPIC_API_KEY" },
  { url: "AZURE_OPENAI_ENDPOINT", key: "AZURE_OPENAI_API_KEY" },
] as const;

const THIS_MACHINE = /^(localhost|127\.\d+\.\d+\.\d+|0\.0\.0\.0|\[::1?\])$/;

/** Whether a URL leads to the gateway that starts here. What is no URL is for others to refuse. */
function isOwn(text: string, port: number, hosts: ReadonlySet<string>): boolean {
  if (!URL.canParse(text)) return false;
  const url = new URL(text);
  const itsPort = Number(url.port || (url.protocol === "https:" ? "443" : "80"));
  return itsPort === port && (THIS_MACHINE.test(url.hostname) || hosts.has(url.hostname));
}

/**
 * The environment without a provider that is this gateway itself: those who point an agent at it export the same
 * variables, and a start in that shell would call itself. `notices` says for people what was left out.
 */
export function withoutOwnAddress(options: { env: Environment; addresses: Addresses; port: number }): {
  env: Environment;
  notices: string[];
} {
  const { addresses, port } = options;
  const hosts = new Set([addresses.local, ...addresses.outside].map((url) => new URL(url).hostname));
  const env = { ...options.env };
  const notices: string[] = [];
  for (const { url, key } of SERVERS) {
    const value = env[url];
    if (!value || !isOwn(value, port, hosts)) continue;
    delete env[url];
    delete env[key];
    notices.push(
      `${url} points at this gateway itself and is left out, with ${key}: it is meant for the shell of the agent.`,
    );
  }
  return { env, notices };
}

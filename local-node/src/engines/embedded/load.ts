import { cpus } from "node:os";
import {
  getModuleVersion,
  type Llama,
  type LlamaContextSequence,
  type LlamaModel,
  type Token,
} from "node-llama-cpp";
import { type ChatTemplate, createChatTemplate } from "./chat-template.ts";
import { collectGarbage } from "./collect-garbage.ts";
import { createGrammars, type Grammars } from "./grammars.ts";
import type { LoadedModel, LoadOptions, LoadPlan } from "./ipc.ts";
import { createLanes, type Lanes } from "./lanes.ts";
import { LoadError } from "./load-error.ts";
import type { MemoryNeed } from "./memory-need.ts";
import { createLaneOpener, type Lane, type LaneReservation, reserveLane } from "./open-lane.ts";
import { messageOf, type OpenHooks, openModel } from "./open-model.ts";
import { openPrefixStore, type PrefixStore } from "./prefix-store.ts";
import type { CompletionModel } from "./prepare-completion.ts";
import { createSliceSize, type SliceSize } from "./slice-size.ts";
import { compileJinja } from "./template/jinja.ts";
import { readControlTexts, readEndTexts } from "./template/read-control-texts.ts";
import {
  createThreadGovernor,
  decodeCandidates,
  pickThreads,
  readCpuTimes,
  type ThreadGovernor,
} from "./threads.ts";
import { createTokenLabels, type TokenLabel } from "./token-labels.ts";
import { createTokenizer } from "./tokenizer.ts";

/** States of prompts that nobody asked for in a day are removed. */
const MAX_PREFIX_AGE_MS = 24 * 60 * 60 * 1000;
/** A probe ends at whichever comes first, so that a large model does not make loading long. */
const PROBE = { tokens: 32, ms: 800 };

/** A model in memory, ready to answer. */
export interface Runtime {
  model: LlamaModel;
  lanes: Lanes<Lane>;
  template: ChatTemplate;
  /** Whether a control token marks calls or thoughts, so that a reply cannot be read without it. */
  showsControl: (token: Token) => boolean;
  threads: ThreadGovernor;
  slices: SliceSize;
  grammars: Grammars;
  labelOf: (token: Token) => TokenLabel;
  tokenizer: CompletionModel<Token>;
  loaded: LoadedModel;
}

interface LoadHooks extends OpenHooks {
  newNonce: () => string;
  now: () => number;
  /** Asks for the memory that a shape takes more, on the GPU of the plan; false: there is none. */
  grow: (plan: LoadPlan) => Promise<boolean>;
  /** What was asked for is in use by now, or never will be. */
  grown: () => void;
  /** Gives back what was asked for. */
  shrink: (need: MemoryNeed) => void;
}

/** Loads the model and measures it. Throws a `LoadError` that a person can act on. */
export async function loadRuntime(options: LoadOptions, hooks: LoadHooks): Promise<Runtime> {
  const { llama, model, shape, usableCpus, onGpu } = await openModel(options, hooks);
  const { template, showsControl } = compileTemplate(llama, model, hooks.newNonce);
  const slots = shape.sequences;
  const slices = createSliceSize();
  const openLane = createLaneOpener({ model, shape, options, threads: usableCpus, slices, now: hooks.now });
  const base = await openLane({
    adapter: null,
    sequences: slots,
    store: await openStore(options, { slots, contextTokens: shape.contextTokens, gpu: llama.gpu, hooks }),
  }).catch((cause: unknown) => {
    throw new LoadError(
      `There is not enough memory for ${slots} sequences of ${options.modelPath}: ${messageOf(cause)}. Take fewer or shorter ones, or a smaller model.`,
      { cause },
    );
  });
  const measured = await measureDecode({
    llama,
    model,
    sequence: base.sequence,
    candidates: onGpu ? [Math.max(1, usableCpus - 1)] : decodeCandidates(usableCpus),
    now: hooks.now,
  });
  collectGarbage();
  const plan = { base: measured.threads, full: onGpu ? measured.threads : usableCpus };
  const threads = createThreadGovernor({
    engine: llama,
    plan,
    machineCores: cpus().length,
    readTimes: readCpuTimes,
    now: hooks.now,
  });
  const tokenizer = createTokenizer(model);
  return {
    model,
    lanes: createLanes<Lane, LaneReservation>({
      base: base.lane,
      reserve: (adapter) => reserveLane({ llama, model, shape, options, adapter, grow: hooks.grow }),
      open: (adapter, { sequences }) => openLane({ adapter, sequences, store: null }),
      settled: hooks.grown,
      release: hooks.shrink,
    }),
    template,
    showsControl,
    threads,
    slices,
    grammars: createGrammars(llama),
    labelOf: createTokenLabels(model),
    tokenizer,
    loaded: {
      shape,
      slots,
      contextTokens: base.contextTokens,
      tokensPerSecond: measured.tokensPerSecond,
      gpu: onGpu ? String(llama.gpu) : null,
      threads: plan,
      reasoning: template.thinking !== null,
      suffix: tokenizer.infill !== null,
    },
  };
}

/** States depend on all that is in the key: one that is read with another key is at best refused. */
async function openStore(
  { prefixes }: LoadOptions,
  built: { slots: number; contextTokens: number; gpu: string | false; hooks: LoadHooks },
): Promise<PrefixStore | null> {
  if (prefixes === undefined) return null;
  return openPrefixStore({
    folder: prefixes.folder,
    maxBytes: prefixes.maxBytes,
    maxAgeMs: MAX_PREFIX_AGE_MS,
    key: [
      prefixes.fileSha256,
      await getModuleVersion(),
      String(built.slots),
      String(built.contextTokens),
      String(built.gpu),
    ],
    now: Date.now,
    onProblem: (message) => built.hooks.onLog("warn", message),
  }).catch((error: unknown) => {
    built.hooks.onLog("warn", `States of prompts are not kept in ${prefixes.folder}: ${messageOf(error)}`);
    return null;
  });
}

function compileTemplate(
  llama: Llama,
  model: LlamaModel,
  newNonce: () => string,
): Pick<Runtime, "template" | "showsControl"> {
  const source = model.fileInfo.metadata.tokenizer.chat_template;
  if (source === undefined) {
    throw new LoadError(
      `${model.filename ?? "The model"} has no chat template (tokenizer.chat_template), so it cannot chat. Take an instruct model.`,
    );
  }
  const controlTexts = readControlTexts(model, source);
  try {
    const template = createChatTemplate({
      source,
      renderJinja: compileJinja(llama, source),
      controlTexts,
      endTexts: readEndTexts(model),
      tokens: { bos: model.tokens.bosString, eos: model.tokens.eosString },
      newNonce,
    });
    return { template, showsControl: markupTokens(model, template, controlTexts) };
  } catch (cause) {
    throw new LoadError(
      `The chat template of ${model.filename ?? "the model"} cannot be read: ${messageOf(cause)}`,
      {
        cause,
      },
    );
  }
}

function markupTokens(
  model: LlamaModel,
  { syntax, thinking }: ChatTemplate,
  controlTexts: readonly string[],
): (token: Token) => boolean {
  const markup = JSON.stringify([syntax, thinking?.tags]);
  const tokens = new Set(
    controlTexts
      .filter((text) => markup.includes(JSON.stringify(text).slice(1, -1)))
      .flatMap((text) => model.tokenize(text, true)),
  );
  return (token) => tokens.has(token);
}

/** Generates a few tokens with each thread count and keeps the best. */
async function measureDecode(options: {
  llama: { maxThreads: number };
  model: LlamaModel;
  sequence: LlamaContextSequence;
  candidates: number[];
  now: () => number;
}): Promise<{ threads: number; tokensPerSecond: number }> {
  const prompt = options.model.tokenize("The quick brown fox jumps over the lazy dog. ");
  const measured = new Map<number, number>();
  for (const threads of options.candidates) {
    options.llama.maxThreads = threads;
    measured.set(threads, await decodeSpeed(options.sequence, prompt, options.now));
  }
  await options.sequence.clearHistory();
  return pickThreads(measured);
}

async function decodeSpeed(
  sequence: LlamaContextSequence,
  prompt: Token[],
  now: () => number,
): Promise<number> {
  await sequence.clearHistory();
  let count = 0;
  let startedAt = now();
  // Sampled, so that a model that would greedily end at once still writes; the end token is written through.
  for await (const _ of sequence.evaluate(prompt, {
    temperature: 1,
    topK: 40,
    seed: 1,
    yieldEogToken: true,
  })) {
    if (count === 0) startedAt = now();
    count++;
    if (count > PROBE.tokens || (count > 2 && now() - startedAt > PROBE.ms)) break;
  }
  return ((count - 1) * 1000) / Math.max(1, now() - startedAt);
}

import type { WireDialect } from "../dialects/call.ts";
import { RouteletError } from "../errors.ts";
import type { FleetNode, FleetSnapshot } from "../fleet/snapshot.ts";
import type { Capabilities, ServedModel } from "../tunnel/protocol/messages.ts";
import { orderFor } from "./sticky.ts";
import type { Target } from "./target.ts";

/** Who is asked for what. */
export type AskedBackend =
  | { kind: "node"; nodeId: string; model: string }
  | {
      kind: "cloud";
      provider: string;
      model: string;
      /** Whose settings the provider stands in; absent for one of the environment. */
      project?: string;
      /** Keeps a conversation on one of the provider's keys; absent for a call that begins one. */
      conversation?: string;
    };

/** One backend to try. */
export type PlannedAttempt = AskedBackend & { speaks: WireDialect; firstByteMs: number };

export interface Plan {
  /** Tried in order until one has something to release; never empty. */
  attempts: PlannedAttempt[];
  /** Why this order: goes into `x-routelet-reason` and the ledger. */
  reason: string;
}

/** The capabilities that a call needs; the names are those of `Capabilities`. */
export type NeedFlags = Partial<Record<keyof Capabilities, boolean>>;

/** A cloud model after its provider was found; `configured` is false when the provider has no key. */
export interface CloudModel {
  provider: string;
  model: string;
  configured: boolean;
  /** The environment variable that configures it. */
  variable: string;
  /** The provider stands in the project's settings. */
  own?: boolean;
  /** What the provider speaks. */
  dialects: readonly WireDialect[];
}

export interface PlanInput {
  target: Target;
  projectId: string;
  /** The dialect that the call came in. */
  dialect: WireDialect;
  needs: NeedFlags;
  fleet: FleetSnapshot;
  /** Calls that this isolate has running on each node, by node id: the fleet's own numbers are seconds old. */
  inFlight: ReadonlyMap<string, number>;
  /** The cloud models to try for a name, in order (`model-routes.ts`). */
  modelsFor: (name: string) => readonly string[];
  defaultModel: string;
  resolveCloud: (name: string) => CloudModel;
  deadlines: { autoNodeFirstByteMs: number; firstByteMs: number };
  /** Keeps a conversation on its node; null for a call that begins one. */
  conversation: string | null;
  /** In [0, 1); breaks ties between equal nodes. */
  random: () => number;
}

/** At most this many nodes are tried before the fallback, so that a bad evening does not add up. */
const MAX_NODES = 3;

interface Candidate {
  node: FleetNode;
  model: ServedModel;
  load: number;
}

function lacks(model: ServedModel, needs: NeedFlags): string[] {
  return Object.entries(needs).flatMap(([name, needed]) =>
    needed && !model.capabilities[name as keyof Capabilities] ? [name] : [],
  );
}

function loadOf(node: FleetNode, inFlight: ReadonlyMap<string, number>): number {
  const slots = node.state?.slots;
  if (slots === undefined) return 0;
  const running = Math.max(slots.busy + slots.queued, inFlight.get(node.id) ?? 0);
  return running / Math.max(1, slots.total);
}

/**
 * Nodes that could answer, best first: model loaded, least load, fastest. A conversation goes back to its node, whose
 * prompt cache has it, unless that has no free slot; nodes get conversations by their speed.
 */
function rank(candidates: Candidate[], { conversation, random }: PlanInput): Candidate[] {
  const byLoad = rankByLoad(candidates, random);
  if (conversation === null) return byLoad;
  const free = byLoad.filter(({ model, load }) => model.loaded && load < 1);
  const ordered = orderFor({
    key: conversation,
    candidates: free,
    idOf: ({ node, model }) => `${node.id} ${model.id}`,
    weightOf: ({ model }) => model.tokensPerSecond ?? 1,
    random,
  });
  return [...ordered, ...byLoad.filter((candidate) => !free.includes(candidate))];
}

function rankByLoad(candidates: Candidate[], random: () => number): Candidate[] {
  return candidates
    .map((candidate) => ({ candidate, tie: random() }))
    .sort(
      (a, b) =>
        Number(b.candidate.model.loaded) - Number(a.candidate.model.loaded) ||
        a.candidate.load - b.candidate.load ||
        (b.candidate.model.tokensPerSecond ?? 0) - (a.candidate.model.tokensPerSecond ?? 0) ||
        a.tie - b.tie,
    )
    .map(({ candidate }) => candidate);
}

/** Vectors of different models cannot be compared: of several, calls that name none of them always get the same one. */
function comparable(candidates: Candidate[], dialect: WireDialect): Candidate[] {
  if (dialect !== "openai-embeddings") return candidates;
  const [first] = candidates.map(({ model }) => model.id).sort();
  return candidates.filter(({ model }) => model.id === first);
}

type NodeSearch =
  | { found: Candidate[] }
  | { found: null; why: "unknown_model" | "absent" | "draining" | "incapable"; lacking: string[] };

function findNodes(input: PlanInput, slmId: string | null): NodeSearch {
  const mine = input.fleet.nodes.filter((node) => node.projects.includes(input.projectId));
  const serving = mine.flatMap((node) =>
    (node.state?.models ?? [])
      .filter((model) => slmId === null || model.id === slmId)
      .map((model) => ({ node, model, load: loadOf(node, input.inFlight) })),
  );
  if (serving.length === 0)
    return { found: null, why: slmId === null ? "absent" : "unknown_model", lacking: [] };
  const present = serving.filter(({ node }) => node.connected);
  if (present.length === 0) return { found: null, why: "absent", lacking: [] };
  const open = present.filter(({ node }) => node.state?.draining !== true);
  if (open.length === 0) return { found: null, why: "draining", lacking: [] };
  const needs = { ...input.needs, chat: nodeDialect(input.dialect) === "openai-chat" };
  const able = open.filter(({ model }) => lacks(model, needs).length === 0);
  if (able.length === 0) {
    const lacking = [...new Set(open.flatMap(({ model }) => lacks(model, needs)))];
    return { found: null, why: "incapable", lacking };
  }
  const best = new Map<string, Candidate>();
  for (const candidate of rank(comparable(able, input.dialect), input)) {
    if (!best.has(candidate.node.id)) best.set(candidate.node.id, candidate);
  }
  return { found: [...best.values()].slice(0, MAX_NODES) };
}

/** What a caller knows a capability by: the field of the request. */
const FIELDS: Partial<Record<string, string>> = {
  jsonSchema: "response_format json_schema",
  jsonObject: "response_format json_object",
  multipleChoices: "n greater than 1",
  logitBias: "logit_bias",
  penalties: "frequency_penalty or presence_penalty",
  embeddings: "/v1/embeddings",
  completions: "/v1/completions",
  chat: "chat",
};

function noNode(
  search: Extract<NodeSearch, { found: null }>,
  target: { kind: Target["kind"]; slmId: string | null; localOnly?: boolean },
  fleet: string[],
): RouteletError {
  const served =
    fleet.length === 0
      ? "No node serves a model now"
      : `Nodes serve ${fleet.map((id) => `slm/${id}`).join(", ")}`;
  if (search.why === "unknown_model") {
    return new RouteletError({
      kind: target.localOnly ? "unavailable" : "not_found",
      code: target.localOnly ? "no_local_node" : "model_not_found",
      message: `No node serves \`slm/${target.slmId ?? ""}\`. ${served}; \`slm\` takes any of them.`,
      param: "model",
    });
  }
  if (search.why === "incapable") {
    return new RouteletError({
      kind: target.localOnly ? "unavailable" : "invalid_request",
      code: target.localOnly ? "no_local_node" : "unsupported_parameter",
      message: `No node's model can honour ${search.lacking.map((name) => FIELDS[name] ?? name).join(", ")}, which this call needs. Use model \`auto\` or a cloud model, or join a node that can.`,
    });
  }
  const draining = search.why === "draining";
  return new RouteletError({
    kind: "unavailable",
    code: target.localOnly ? "no_local_node" : "no_node",
    message: draining
      ? "Every node that could answer is shutting down. Try again in a moment."
      : target.kind === "auto"
        ? "No node is connected that could answer, and no cloud provider is set. Start a node with `local-node run`, or set OPENAI_API_KEY for the gateway."
        : "No node is connected that could answer. Start one with `local-node run`, or use model `auto` for a cloud fallback.",
    retryable: true,
    retryAfterSeconds: 5,
  });
}

function servedIds(input: PlanInput): string[] {
  const ids = input.fleet.nodes
    .filter((node) => node.connected && node.projects.includes(input.projectId))
    .flatMap((node) => (node.state?.models ?? []).map(({ id }) => id));
  return [...new Set(ids)].sort();
}

function cloudAttempt(input: PlanInput, name: string): PlannedAttempt | RouteletError {
  const cloud = input.resolveCloud(name);
  if (cloud.configured) {
    return {
      kind: "cloud",
      provider: cloud.provider,
      model: cloud.model,
      speaks: spokenTo(cloud.dialects, input.dialect),
      firstByteMs: input.deadlines.firstByteMs,
      ...(cloud.own === true ? { project: input.projectId } : {}),
      ...(input.conversation === null ? {} : { conversation: input.conversation }),
    };
  }
  return new RouteletError({
    kind: "not_found",
    code: "provider_not_configured",
    message: `\`${name}\` is a model of ${cloud.provider}, and the gateway has no key for it: set ${cloud.variable} and restart. Without a key, models \`auto\` and \`slm\` are answered by your nodes.`,
    param: "model",
  });
}

/**
 * The attempts at a name's cloud models, in order. Those whose provider has no key are left out; when none is left, the
 * first one's error says what to set.
 */
function cloudAttempts(input: PlanInput, name: string): PlannedAttempt[] | RouteletError {
  const all = input.modelsFor(name).map((model) => cloudAttempt(input, model));
  const able = all.filter((attempt) => !(attempt instanceof RouteletError));
  const refused = all.find((attempt) => attempt instanceof RouteletError);
  return able.length === 0 && refused !== undefined ? refused : able;
}

/** The client's own dialect where the backend speaks it, so that bytes pass; else the one to translate into. */
function spokenTo(dialects: readonly WireDialect[], own: WireDialect): WireDialect {
  if (dialects.includes(own)) return own;
  return dialects.find((dialect) => dialect === "openai-chat") ?? dialects[0] ?? "openai-chat";
}

/** What a node is asked in: its engine's own endpoint where a call has no translation, chat for all others. */
function nodeDialect(dialect: WireDialect): WireDialect {
  return dialect === "openai-embeddings" || dialect === "openai-completions" ? dialect : "openai-chat";
}

function nodeAttempts(found: Candidate[], dialect: WireDialect, firstByteMs: number): PlannedAttempt[] {
  return found.map(({ node, model }) => ({
    kind: "node",
    nodeId: node.id,
    model: model.id,
    speaks: nodeDialect(dialect),
    firstByteMs,
  }));
}

/** Vectors come from the model that was asked for, or from none: another's, put beside them, are wrong without a word. */
function planEmbeddings(input: PlanInput, target: Extract<Target, { kind: "auto" }>): Plan | RouteletError {
  if (target.reference !== null) {
    const attempts = cloudAttempts(input, target.reference);
    return attempts instanceof RouteletError ? attempts : { attempts, reason: "embeddings-named" };
  }
  const search = findNodes(input, target.slmId);
  if (search.found !== null) {
    return {
      attempts: nodeAttempts(search.found, input.dialect, input.deadlines.firstByteMs),
      reason: "auto-node",
    };
  }
  return new RouteletError({
    kind: "invalid_request",
    code: "no_embedding_model",
    message:
      "`auto` is an embedding model of a node, and none serves one now. Name a cloud model such as `text-embedding-3-small`, or join a node with one.",
    param: "model",
  });
}

/**
 * Turns a target into the list of backends to try, or into the error that says why there is none.
 * Pure: it decides on the snapshot that it is given. A `local-only` or `slm` target never yields a cloud attempt.
 */
export function planAttempts(input: PlanInput): Plan | RouteletError {
  const { target } = input;
  if (target.kind === "auto" && input.dialect === "openai-embeddings") return planEmbeddings(input, target);
  if (target.kind === "llm") {
    const attempts = cloudAttempts(input, target.reference ?? input.defaultModel);
    return attempts instanceof RouteletError ? attempts : { attempts, reason: "cloud-requested" };
  }
  const search = findNodes(input, target.slmId);
  if (target.kind === "slm") {
    if (search.found === null) return noNode(search, target, servedIds(input));
    return {
      attempts: nodeAttempts(search.found, input.dialect, input.deadlines.firstByteMs),
      reason: target.localOnly ? "local-only" : "slm-requested",
    };
  }
  const fallback = cloudAttempts(input, target.reference ?? input.defaultModel);
  if (search.found === null) {
    if (fallback instanceof RouteletError)
      return search.why === "absent" && target.reference !== null
        ? fallback
        : noNode(search, target, servedIds(input));
    return { attempts: fallback, reason: `auto-cloud:${search.why === "absent" ? "no_node" : search.why}` };
  }
  if (fallback instanceof RouteletError) {
    return {
      attempts: nodeAttempts(search.found, input.dialect, input.deadlines.firstByteMs),
      reason: "auto-node:no_cloud_key",
    };
  }
  return {
    attempts: [
      ...nodeAttempts(search.found, input.dialect, input.deadlines.autoNodeFirstByteMs),
      ...fallback,
    ],
    reason: "auto-node",
  };
}

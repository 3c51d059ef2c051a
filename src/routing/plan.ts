import type { WireDialect } from "../dialects/call.ts";
import { RouteletError } from "../errors.ts";
import type { FleetSnapshot } from "../fleet/snapshot.ts";
import {
  type Candidate,
  findNodes,
  type NeedFlags,
  type NodeSearch,
  nodeDialect,
  servedIds,
} from "./find-nodes.ts";
import { noNode } from "./no-node.ts";
import type { Target } from "./target.ts";

/** Who is asked for what. */
export type AskedBackend = (
  | { kind: "node"; nodeId: string; model: string }
  | {
      kind: "cloud";
      provider: string;
      model: string;
      /** Whose settings the provider stands in; absent for one of the environment. */
      project?: string;
      /** Keeps a conversation on one of the provider's keys; absent for a call that begins one. */
      conversation?: string;
    }
) & {
  /** What of the request it has no word for and is not told, each with its path and kind; absent: it is told all. */
  omits?: readonly string[];
};

/** One backend to try. */
export type PlannedAttempt = AskedBackend & {
  speaks: WireDialect;
  firstByteMs: number;
  /** Its reply is checked against what the call asked for before anything of it is released. */
  verified?: boolean;
  /** Of a task that small models answer: a less sure answer goes to nobody. */
  threshold?: number;
};

export interface Plan {
  /** Tried in order until one has something to release; never empty. */
  attempts: PlannedAttempt[];
  /** Why this order: goes into `x-routelet-reason` and the ledger. */
  reason: string;
}

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
  /** Whether a node's answer is checked where the cloud could answer instead. */
  verify: boolean;
  /** Keeps a conversation on its node; null for a call that begins one. */
  conversation: string | null;
  /** In [0, 1); breaks ties between equal nodes. */
  random: () => number;
}

/** A cloud's embedding model, for messages that give an example. */
const CLOUD_EMBEDDINGS = "text-embedding-3-small";

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
    message: `\`${name}\` is a model of ${cloud.provider}, and the gateway has no key for it: set ${cloud.variable} and restart. ${withoutKey(input, name)}`,
    param: "model",
  });
}

/** What there is for a caller without the cloud; nothing of the kind has vectors of a named model. */
function withoutKey(input: PlanInput, name: string): string {
  if (servedIds(input).includes(name))
    return `A node serves a model of this name: did you mean \`slm/${name}\`?`;
  return input.dialect === "openai-embeddings"
    ? "`auto` takes an embedding model of a node, where one serves it."
    : "Without a key, models `auto` and `slm` are answered by your nodes.";
}

/** The refusal of a call that no node can answer; it knows what the cloud could do instead. */
function refuseForNodes(
  input: PlanInput,
  search: Extract<NodeSearch, { found: null }>,
  next: string,
): RouteletError {
  const models = input.modelsFor(next).map(input.resolveCloud);
  const cloud = models.find(({ configured }) => configured) ?? models[0] ?? input.resolveCloud(next);
  return noNode({ search, target: targetOf(input.target), served: servedIds(input), cloud });
}

function targetOf(target: Target): { kind: Target["kind"]; slmId: string | null; localOnly?: boolean } {
  return target.kind === "llm" ? { kind: "llm", slmId: null } : target;
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

function nodeAttempts(found: Candidate[], dialect: WireDialect, firstByteMs: number): PlannedAttempt[] {
  return found.map(({ node, model }) => ({
    kind: "node",
    nodeId: node.id,
    model: model.id,
    speaks: nodeDialect(dialect),
    firstByteMs,
  }));
}

function nameOne(input: PlanInput): string {
  const { configured, variable } = input.resolveCloud(CLOUD_EMBEDDINGS);
  return `${configured ? "" : `set ${variable} for the gateway and `}name a cloud model such as \`${CLOUD_EMBEDDINGS}\``;
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
    message: `\`auto\` is an embedding model of a node, and none serves one now. Join a node with one, or ${nameOne(input)}.`,
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
    if (search.found === null) {
      const next = input.dialect === "openai-embeddings" ? CLOUD_EMBEDDINGS : input.defaultModel;
      return refuseForNodes(input, search, next);
    }
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
        : refuseForNodes(input, search, target.reference ?? input.defaultModel);
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
      ...nodeAttempts(search.found, input.dialect, input.deadlines.autoNodeFirstByteMs).map((attempt) =>
        input.verify ? { ...attempt, verified: true } : attempt,
      ),
      ...fallback,
    ],
    reason: "auto-node",
  };
}

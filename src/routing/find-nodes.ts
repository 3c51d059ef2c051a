import type { WireDialect } from "../dialects/call.ts";
import { RouteletError } from "../errors.ts";
import type { FleetNode } from "../fleet/snapshot.ts";
import type { Capabilities, ServedModel } from "../tunnel/protocol/messages.ts";
import type { PlanInput } from "./plan.ts";
import { orderFor } from "./sticky.ts";
import type { Target } from "./target.ts";

/** The capabilities that a call needs; the names are those of `Capabilities`. */
export type NeedFlags = Partial<Record<keyof Capabilities, boolean>>;

/** What a node is asked in: its engine's own endpoint where a call has no translation, chat for all others. */
export function nodeDialect(dialect: WireDialect): WireDialect {
  return dialect === "openai-embeddings" || dialect === "openai-completions" ? dialect : "openai-chat";
}

/** At most this many nodes are tried before the fallback, so that a bad evening does not add up. */
const MAX_NODES = 3;

/** A model of a node. */
export interface Candidate {
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

/** The nodes to ask, best first; or why there is none. */
export type NodeSearch =
  | { found: Candidate[] }
  | { found: null; why: "unknown_model" | "absent" | "draining" | "incapable"; lacking: string[] };

/** Finds the nodes that could answer; `slmId` null: with whichever model. */
export function findNodes(input: PlanInput, slmId: string | null): NodeSearch {
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

/** What a caller is told where no node could answer. */
export function noNode(
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

/** The models that the project's nodes serve now. */
export function servedIds(input: PlanInput): string[] {
  const ids = input.fleet.nodes
    .filter((node) => node.connected && node.projects.includes(input.projectId))
    .flatMap((node) => (node.state?.models ?? []).map(({ id }) => id));
  return [...new Set(ids)].sort();
}

import type { WireDialect } from "../dialects/call.ts";
import type { FleetNode } from "../fleet/snapshot.ts";
import type { Capabilities, ServedModel } from "../tunnel/protocol/messages.ts";
import type { PlanInput } from "./plan.ts";
import { orderFor } from "./sticky.ts";

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
  | { found: null; why: "unknown_model" | "absent" | "draining" | "paused" | "incapable"; lacking: string[] };

/** Finds the nodes that could answer; `slmId` null: with whichever model. */
export function findNodes(input: PlanInput, slmId: string | null): NodeSearch {
  const mine = input.fleet.nodes.filter((node) => node.projects.includes(input.projectId));
  const serving = mine.flatMap((node) =>
    (node.state?.models ?? [])
      // An adapter is made for a task of its own: it is no model for whatever call comes.
      .filter(({ id, adapterOf }) => (slmId === null ? adapterOf === undefined : id === slmId))
      .map((model) => ({ node, model, load: loadOf(node, input.inFlight) })),
  );
  if (serving.length === 0)
    return { found: null, why: slmId === null ? "absent" : "unknown_model", lacking: [] };
  const present = serving.filter(({ node }) => node.connected);
  if (present.length === 0) return { found: null, why: "absent", lacking: [] };
  const open = present.filter(({ node }) => node.state?.draining !== true);
  if (open.length === 0) {
    const allPaused = present.every(({ node }) => node.state?.paused === true);
    return { found: null, why: allPaused ? "paused" : "draining", lacking: [] };
  }
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

/** The models that the project's nodes serve now. */
export function servedIds(input: PlanInput): string[] {
  const ids = input.fleet.nodes
    .filter((node) => node.connected && node.projects.includes(input.projectId))
    .flatMap((node) => (node.state?.models ?? []).map(({ id }) => id));
  return [...new Set(ids)].sort();
}

import type { Env } from "../env.ts";
import type { FleetNode, FleetSnapshot } from "../fleet/snapshot.ts";
import { servedFingerprint } from "../routing/guarantee/served-fingerprint.ts";
import type { ServedModel } from "../tunnel/protocol/messages.ts";
import type { Candidate } from "./task.ts";

interface Served {
  node: FleetNode;
  version: string;
  model: ServedModel;
}

function served(fleet: FleetSnapshot, projectId: string): Served[] {
  return fleet.nodes.flatMap((node) => {
    const { state } = node;
    if (state === null || !node.connected || state.draining || !node.projects.includes(projectId)) return [];
    return state.models
      .filter(({ capabilities }) => capabilities.chat)
      .map((model) => ({ node, version: state.version, model }));
  });
}

/** So many are tried on a task at most: each costs calls until the others may go on. */
const MAX_CANDIDATES = 4;

/** The models that may be tried on a project's tasks, the fastest first. */
export async function candidatesOf(fleet: FleetSnapshot, projectId: string): Promise<Candidate[]> {
  const speed = ({ model }: Served): number => model.tokensPerSecond ?? 0;
  const all = served(fleet, projectId).sort(
    (a, b) => speed(b) - speed(a) || (a.model.id < b.model.id ? -1 : 1),
  );
  const found = new Map<string, Candidate>();
  for (const each of all) {
    const fingerprint = await servedFingerprint(each);
    const { id: model, fileSha256: weights } = each.model;
    if (!found.has(fingerprint)) found.set(fingerprint, { model, weights, fingerprint });
  }
  return [...found.values()].slice(0, MAX_CANDIDATES);
}

async function servedAs(options: { env: Env; projectId: string; model: string }): Promise<Served | null> {
  const { env, projectId, model } = options;
  const all = served(await env.FLEET.getByName("fleet").snapshot(), projectId);
  return all.find((each) => each.model.id === model) ?? null;
}

/** A model of this id as a node serves it now; null where none does. */
export async function candidateNamed(options: {
  env: Env;
  projectId: string;
  model: string;
}): Promise<Candidate | null> {
  const found = await servedAs(options);
  if (found === null) return null;
  return {
    model: options.model,
    weights: found.model.fileSha256,
    fingerprint: await servedFingerprint(found),
  };
}

/** A node that serves just what is tried; null when none does now. */
export async function servingNode(options: {
  env: Env;
  projectId: string;
  candidate: Candidate;
}): Promise<string | null> {
  const { env, projectId, candidate } = options;
  for (const each of served(await env.FLEET.getByName("fleet").snapshot(), projectId)) {
    if (each.model.id === candidate.model && (await servedFingerprint(each)) === candidate.fingerprint)
      return each.node.id;
  }
  return null;
}

/** A node that serves a model of this id, whatever is behind it; null when none does now. */
export async function nodeWith(options: {
  env: Env;
  projectId: string;
  model: string;
}): Promise<string | null> {
  return (await servedAs(options))?.node.id ?? null;
}

import type { Env } from "../env.ts";
import type { FleetNode, FleetSnapshot } from "../fleet/snapshot.ts";
import { servingFingerprint } from "../routing/guarantee/fingerprint.ts";
import type { ServedModel } from "../tunnel/protocol/messages.ts";
import type { Task } from "./task-store.ts";

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

/** What decides this model's answers. A file without a known hash is as good as its name, which is all that is known of it. */
async function fingerprintOf({ model, version }: Served): Promise<string> {
  return servingFingerprint({
    weights: model.fileSha256 ?? `named ${model.id}`,
    adapter: null,
    // The template is in the weights' file, and what is sent is the caller's.
    template: "of the weights",
    engine: { name: model.engine, version },
    sampling: { as: "asked" },
    examples: [],
  });
}

/** The model that is tried on a task: the one that is tried already where it serves, else the fastest that does. */
export async function candidateOf(options: {
  fleet: FleetSnapshot;
  projectId: string;
  task: Pick<Task, "candidate">;
}): Promise<Task["candidate"]> {
  const { fleet, projectId, task } = options;
  const all = served(fleet, projectId);
  const speed = ({ model }: Served): number => model.tokensPerSecond ?? 0;
  const best =
    all.find(({ model }) => model.id === task.candidate?.model) ??
    all.toSorted((a, b) => speed(b) - speed(a) || (a.model.id < b.model.id ? -1 : 1))[0];
  if (best === undefined) return null;
  const { id: model, fileSha256: weights } = best.model;
  return { model, weights, fingerprint: await fingerprintOf(best) };
}

/** A node that serves just what is tried; null when none does now. */
export async function servingNode(options: {
  env: Env;
  projectId: string;
  candidate: NonNullable<Task["candidate"]>;
}): Promise<string | null> {
  const { env, projectId, candidate } = options;
  for (const each of served(await env.FLEET.getByName("fleet").snapshot(), projectId)) {
    if (each.model.id === candidate.model && (await fingerprintOf(each)) === candidate.fingerprint)
      return each.node.id;
  }
  return null;
}

import type { FleetSnapshot } from "./snapshot.ts";

/** After this long the node's object notices a silent socket by its heartbeat and refuses at once, in ms. */
const FORGET_AFTER_MS = 30_000;

/** Beyond this many the oldest is forgotten: the memory is a hint, not a register. */
const MAX_NODES = 256;

/** When a call's first-byte deadline ran out on a node, ms since the epoch, oldest first; this isolate's own view. */
const silentSince = new Map<string, number>();

/** A call waited for a node's first content in vain: the next calls need not wait as long for the same node. */
export function noteSilence(options: { nodeId: string; now: number }): void {
  silentSince.delete(options.nodeId);
  silentSince.set(options.nodeId, options.now);
  const [oldest] = silentSince.keys();
  if (silentSince.size > MAX_NODES && oldest !== undefined) silentSince.delete(oldest);
}

/** The node said something: it is slow, not frozen. */
export function noteAnswer(nodeId: string): void {
  silentSince.delete(nodeId);
}

/** The fleet without the nodes that were silent and have not reported since. */
export function withoutSilentNodes(fleet: FleetSnapshot, now: number): FleetSnapshot {
  if (silentSince.size === 0) return fleet;
  const nodes = fleet.nodes.filter(({ id, lastSeenAt }) => {
    const since = silentSince.get(id);
    if (since === undefined) return true;
    if (lastSeenAt <= since && now - since < FORGET_AFTER_MS) return false;
    silentSince.delete(id);
    return true;
  });
  return nodes.length === fleet.nodes.length ? fleet : { ...fleet, nodes };
}

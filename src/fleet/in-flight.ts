/**
 * Calls that this isolate has running on each node. The nodes' own reports are up to five seconds old; without
 * this, a burst would go to whichever node reported last that it was idle.
 */
const running = new Map<string, number>();

/** Counts a call in; the function that it returns counts it out, once. */
export function beginOnNode(nodeId: string): () => void {
  running.set(nodeId, (running.get(nodeId) ?? 0) + 1);
  let ended = false;
  return () => {
    if (ended) return;
    ended = true;
    const left = (running.get(nodeId) ?? 1) - 1;
    if (left > 0) running.set(nodeId, left);
    else running.delete(nodeId);
  };
}

/** Running calls by node id. */
export function callsInFlight(): ReadonlyMap<string, number> {
  return running;
}

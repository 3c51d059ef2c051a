import type { Place, Share } from "./queue.ts";

/**
 * Whose waiting call a full queue turns away so that another may wait; null: the one that comes now. A job makes way
 * for an interactive call. Among equals the key with most waiting calls gives one up, if it has at least two more than
 * the one that comes: so one busy agent cannot keep the others out (longest queue drop, as in fair queueing).
 */
export function whoMakesRoom(
  shares: readonly Share[],
  coming: Pick<Place, "key" | "priority">,
): Pick<Place, "key" | "priority"> | null {
  const heaviest = (priority: Place["priority"]): Share | undefined =>
    shares
      .filter((share) => share.priority === priority)
      .reduce<Share | undefined>(
        (most, share) => (most === undefined || share.waiting > most.waiting ? share : most),
        undefined,
      );
  const job = heaviest("job");
  if (coming.priority === "interactive" && job !== undefined) return job;
  const own = shares.find((share) => share.key === coming.key && share.priority === coming.priority);
  const most = heaviest(coming.priority);
  return most !== undefined && most.waiting >= (own?.waiting ?? 0) + 2 ? most : null;
}

/** The shares of several queues, those of one key added up. */
export function addShares(all: readonly Share[]): Share[] {
  const sums = new Map<string, Share>();
  for (const share of all) {
    const name = `${share.priority} ${share.key}`;
    const sum = sums.get(name);
    sums.set(name, { ...share, waiting: share.waiting + (sum?.waiting ?? 0) });
  }
  return [...sums.values()];
}

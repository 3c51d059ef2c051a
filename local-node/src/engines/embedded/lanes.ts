import type { Adapter } from "../../models/adapter.ts";
import { NodeError } from "../../serve/contract.ts";

/** A way through the model with one adapter, or with none; what was computed on one is never seen by another. */
export interface OpenLane<L> {
  lane: L;
  close(): Promise<void>;
}

export interface Lanes<L> {
  /**
   * The lane of an adapter, which is opened if need be, and stays open until `leave` and longer. Lanes that nobody is
   * in give way to others, those that were used longest ago first.
   * @throws {NodeError} 503 where there is no memory for it even then, or its file is no longer what it was
   */
  enter(adapter: Adapter | null): Promise<{ lane: L; leave(): void }>;
  /** Names of the adapters that are in memory. */
  open(): string[];
}

interface Entry<L, R> {
  adapter: Adapter;
  users: number;
  usedAt: number;
  opening: Promise<L>;
  /** Once it is open. */
  open: (OpenLane<L> & { reserved: R }) | null;
}

export function createLanes<L, R>(options: {
  /** Without an adapter; always there. */
  base: L;
  /** Asks for the memory of one more lane; null: there is none now. */
  reserve(adapter: Adapter): Promise<R | null>;
  open(adapter: Adapter, reserved: R): Promise<OpenLane<L>>;
  /** The lane is open, or is closed, or could not be opened. */
  settled(): void;
  release(reserved: R): void;
}): Lanes<L> {
  const entries = new Set<Entry<L, R>>();
  let left = Promise.withResolvers<void>();
  let uses = 0;
  let turn: Promise<unknown> = Promise.resolve();

  const close = async (entry: Entry<L, R>): Promise<void> => {
    entries.delete(entry);
    const { open } = entry;
    if (open === null) return;
    await open.close();
    options.release(open.reserved);
  };
  const untilOneLeaves = (): Promise<void> => left.promise;
  /** The engine knows adapters by their paths: what a path held before must be gone. */
  const closeOthersAt = async ({ path, sha256 }: Adapter): Promise<void> => {
    for (;;) {
      const old = [...entries].find((one) => one.adapter.path === path && one.adapter.sha256 !== sha256);
      if (old === undefined) return;
      if (old.users === 0) await close(old);
      else await untilOneLeaves();
    }
  };
  const makeRoom = async (adapter: Adapter): Promise<R> => {
    for (;;) {
      const reserved = await options.reserve(adapter);
      if (reserved !== null) return reserved;
      const others = [...entries].filter(({ open }) => open !== null);
      const [idle] = others.filter(({ users }) => users === 0).sort((a, b) => a.usedAt - b.usedAt);
      if (idle !== undefined) await close(idle);
      else if (others.length > 0) await untilOneLeaves();
      else throw noRoom(adapter);
    }
  };
  const open = async (entry: Entry<L, R>): Promise<L> => {
    const { adapter } = entry;
    await closeOthersAt(adapter);
    const reserved = await makeRoom(adapter);
    try {
      const opened = await options.open(adapter, reserved);
      entry.open = { ...opened, reserved };
      return opened.lane;
    } catch (error) {
      options.release(reserved);
      throw error;
    } finally {
      options.settled();
    }
  };
  const add = (adapter: Adapter): Entry<L, R> => {
    const opening = Promise.withResolvers<L>();
    const entry: Entry<L, R> = { adapter, users: 0, usedAt: 0, opening: opening.promise, open: null };
    entries.add(entry);
    // One at a time, so that no memory is counted on twice.
    turn = turn.then(() =>
      open(entry).then(opening.resolve, (error: unknown) => {
        entries.delete(entry);
        opening.reject(error);
      }),
    );
    return entry;
  };

  return {
    async enter(adapter) {
      if (adapter === null) return { lane: options.base, leave: () => {} };
      const entry =
        [...entries].find(
          (one) => one.adapter.path === adapter.path && one.adapter.sha256 === adapter.sha256,
        ) ?? add(adapter);
      entry.users++;
      let inside = true;
      const leave = (): void => {
        if (!inside) return;
        inside = false;
        entry.users--;
        entry.usedAt = ++uses;
        left.resolve();
        left = Promise.withResolvers();
      };
      try {
        return { lane: await entry.opening, leave };
      } catch (error) {
        leave();
        throw error;
      }
    },
    open: () => [...entries].flatMap(({ open, adapter }) => (open === null ? [] : [adapter.name])),
  };
}

function noRoom({ name }: Adapter): NodeError {
  return new NodeError({
    code: "does_not_fit",
    message: `There is no memory for the adapter '${name}' beside its model. Take fewer calls at once or fewer tokens of context.`,
    status: 503,
    retryable: true,
  });
}

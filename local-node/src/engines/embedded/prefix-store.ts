import { createHash, randomUUID } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** States of sequences on disk: what was computed of prompts that had to give way. */
export interface PrefixStore {
  /** The state that has most in common with the prompt; null: none has anything. */
  best(prompt: readonly number[], scope: string): StoredPrefix | null;
  /**
   * Keeps the state that `write` writes to the path that it is given. Does nothing where the store has nearly all of
   * it already. Never throws: a full disk costs the state, not the call.
   */
  save(tokens: readonly number[], scope: string, write: (path: string) => Promise<void>): Promise<void>;
  /** Runs `read` on the state's file; false: it is gone, or broken and now gone. */
  load(prefix: StoredPrefix, read: (path: string) => Promise<void>): Promise<boolean>;
}

export interface StoredPrefix {
  id: string;
  /** Tokens in common with the prompt. */
  common: number;
  /** Tokens of the whole state. */
  length: number;
}

interface Entry {
  id: string;
  scope: string;
  tokens: Uint32Array;
}

export interface PrefixStoreOptions {
  /** Shared by all models of a node; readable by its owner alone, since tokens are content. */
  folder: string;
  /** Whatever a state depends on: a state of another engine, model or number of sequences must never be read. */
  key: readonly string[];
  /** For all models together. */
  maxBytes: number;
  /** States that nobody used for so long are removed, in milliseconds. */
  maxAgeMs: number;
  /** Milliseconds since the epoch. */
  now: () => number;
  onProblem: (message: string) => void;
}

/** What is new in a state must be worth a file. */
const MIN_NEW_TOKENS = 256;
/** After a failed write, how long nothing is written. */
const PAUSE_MS = 60_000;

const STATE = ".state";
const TOKENS = ".tokens";
/** Stands beside a state while it is read: one that is still there at the next start ended the process. */
const READING = ".reading";

/** Opens the folder, and takes over what earlier processes left there of the same key. */
export async function openPrefixStore(options: PrefixStoreOptions): Promise<PrefixStore> {
  const { now } = options;
  const folder = join(options.folder, digest(options.key.join("\n")));
  const path = (id: string, ending: string): string => join(folder, id + ending);
  const entries = new Map<string, Entry>();
  let pausedUntil = 0;

  const forget = async (id: string): Promise<void> => {
    entries.delete(id);
    for (const ending of [STATE, TOKENS, READING]) await rm(path(id, ending), { force: true });
  };
  const takeOver = async (): Promise<void> => {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const names = new Set(await readdir(folder));
    for (const name of names) {
      const id = name.slice(0, name.lastIndexOf("."));
      if (!name.endsWith(STATE)) {
        if (!names.has(id + STATE)) await rm(join(folder, name), { force: true });
        continue;
      }
      const tokens = names.has(id + READING) ? null : await readTokens(path(id, TOKENS));
      if (tokens === null) await forget(id);
      else entries.set(id, { id, scope: id.slice(0, id.indexOf("-")), tokens });
    }
  };
  const removeOld = async (): Promise<void> => {
    const states = await listStates(options.folder);
    let bytes = states.reduce((sum, state) => sum + state.bytes, 0);
    for (const state of states.toSorted((a, b) => a.usedAt - b.usedAt)) {
      const isOld = now() - state.usedAt > options.maxAgeMs;
      if (!isOld && bytes <= options.maxBytes) continue;
      bytes -= state.bytes;
      entries.delete(state.id);
      for (const ending of [STATE, TOKENS, READING])
        await rm(join(state.folder, state.id + ending), { force: true });
    }
  };
  const find = (prompt: readonly number[], scope: string): StoredPrefix | null => {
    let best: StoredPrefix | null = null;
    for (const entry of entries.values()) {
      if (entry.scope !== scope) continue;
      const common = commonLength(entry.tokens, prompt);
      if (common > (best?.common ?? 0)) best = { id: entry.id, common, length: entry.tokens.length };
    }
    return best;
  };

  await takeOver();
  await removeOld();
  return {
    best: (prompt, scope) => find(prompt, digest(scope)),
    async save(tokens, scope, write) {
      if (now() < pausedUntil) return;
      const hashed = digest(scope);
      const known = find(tokens, hashed);
      if (tokens.length - (known?.common ?? 0) < MIN_NEW_TOKENS) return;
      const id = `${hashed}-${randomUUID()}`;
      try {
        await write(path(id, ".part"));
        await writeFile(path(id, TOKENS), Uint32Array.from(tokens), { mode: 0o600 });
        await rename(path(id, ".part"), path(id, STATE));
        entries.set(id, { id, scope: hashed, tokens: Uint32Array.from(tokens) });
        // The new state begins with all of the old one.
        if (known !== null && known.common === known.length) await forget(known.id);
        await removeOld();
      } catch (error) {
        pausedUntil = now() + PAUSE_MS;
        options.onProblem(`A prompt's state could not be kept in ${folder}: ${messageOf(error)}`);
        await rm(path(id, ".part"), { force: true }).catch(() => undefined);
        await forget(id).catch(() => undefined);
      }
    },
    async load({ id }, read) {
      try {
        await writeFile(path(id, READING), "", { mode: 0o600 });
        await read(path(id, STATE));
        await rm(path(id, READING), { force: true });
        const used = new Date(now());
        await utimes(path(id, STATE), used, used);
        return true;
      } catch (error) {
        options.onProblem(`A prompt's state could not be read, and is removed: ${messageOf(error)}`);
        await forget(id).catch(() => undefined);
        return false;
      }
    },
  };
}

interface StateFile {
  id: string;
  folder: string;
  bytes: number;
  usedAt: number;
}

/** The states of all keys; other processes may remove some meanwhile. */
async function listStates(folder: string): Promise<StateFile[]> {
  const found: StateFile[] = [];
  for (const key of await readdir(folder)) {
    const inner = join(folder, key);
    const names = await readdir(inner).catch(() => []);
    for (const name of names) {
      if (!name.endsWith(STATE)) continue;
      const file = await stat(join(inner, name)).catch(() => null);
      if (file === null) continue;
      found.push({ id: name.slice(0, -STATE.length), folder: inner, bytes: file.size, usedAt: file.mtimeMs });
    }
  }
  return found;
}

async function readTokens(path: string): Promise<Uint32Array | null> {
  const bytes = await readFile(path).catch(() => null);
  if (bytes === null || bytes.length === 0 || bytes.length % 4 !== 0) return null;
  return new Uint32Array(Uint8Array.from(bytes).buffer);
}

function commonLength(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const most = Math.min(a.length, b.length);
  let length = 0;
  while (length < most && a[length] === b[length]) length++;
  return length;
}

function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}

function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

/** The ids of all processes below `pid`, the process itself included. */
export function processTree(pid: number): number[] {
  const lines = execFileSync("ps", ["-eo", "pid=,ppid="], { encoding: "utf8" }).trim().split("\n");
  const pairs = lines.map((line) => line.trim().split(/\s+/).map(Number));
  const tree = [pid];
  for (let index = 0; index < tree.length; index += 1)
    for (const [child, parent] of pairs) if (parent === tree[index] && child !== undefined) tree.push(child);
  return tree;
}

/** Whether a process runs; one that is dead but not yet collected does not. */
export function isRunning(pid: number): boolean {
  try {
    const state = execFileSync("ps", ["-o", "stat=", "-p", String(pid)], { encoding: "utf8" }).trim();
    return state !== "" && !state.startsWith("Z");
  } catch {
    return false;
  }
}

/** Resolves when none of the processes runs any more; the test's own time limit ends the wait. */
export async function untilGone(pids: readonly number[]): Promise<void> {
  while (pids.some(isRunning)) await delay(50);
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

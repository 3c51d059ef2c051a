import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Memory that processes hold now, in bytes; null where this system does not tell, or one of them is gone. */
export async function residentBytes(
  pids: readonly number[],
  platform: NodeJS.Platform = process.platform,
): Promise<number | null> {
  if (pids.length === 0) return 0;
  try {
    if (platform === "linux") {
      const sizes = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/status`, "utf8")));
      return sum(sizes.map((text) => Number(/^VmRSS:\s*(\d+) kB$/m.exec(text)?.[1]) * 1024));
    }
    if (platform === "win32") return null;
    const { stdout } = await run("ps", ["-o", "rss=", "-p", pids.join(",")]);
    const lines = stdout.trim().split(/\s+/);
    return lines.length === pids.length ? sum(lines.map((kibibytes) => Number(kibibytes) * 1024)) : null;
  } catch {
    return null;
  }
}

function sum(values: number[]): number | null {
  const total = values.reduce((all, value) => all + value, 0);
  return Number.isFinite(total) ? total : null;
}

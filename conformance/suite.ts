import { type Instance, instances, type World } from "./case.ts";
import { failures } from "./cases/failures.ts";
import { framing } from "./cases/framing.ts";
import { requests, tools } from "./cases/tools.ts";

/** Every case in every combination, by trap. */
export const SUITE: readonly Instance[] = instances([...framing, ...tools, ...failures, ...requests]).sort(
  (a, b) => a.trap - b.trap,
);

export interface Verdict {
  instance: Instance;
  /** Null: passed. */
  reason: string | null;
}

/** What an instance did, its own failure to run included. */
export async function judge(instance: Instance, world: World): Promise<Verdict> {
  try {
    return { instance, reason: await instance.run(world) };
  } catch (error) {
    return { instance, reason: error instanceof Error ? error.message : String(error) };
  }
}

/** Runs cases side by side, a few at a time, and tells each verdict. */
export async function judgeAll(options: {
  suite: readonly Instance[];
  world: World;
  inFlight: number;
  onVerdict: (verdict: Verdict) => void;
}): Promise<Verdict[]> {
  const waiting = [...options.suite];
  const verdicts: Verdict[] = [];
  const worker = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const verdict = await judge(next, options.world);
      verdicts.push(verdict);
      options.onVerdict(verdict);
    }
  };
  await Promise.all(Array.from({ length: options.inFlight }, worker));
  return verdicts.sort((a, b) => a.instance.trap - b.instance.trap);
}

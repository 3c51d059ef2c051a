import type { Instance, Phase, World } from "./case.ts";
import { urlOf } from "./client.ts";
import { judge, type Verdict } from "./suite.ts";

/** Sets Routelet's settings, as an operator does; `{}` are the defaults. */
export async function putSettings(world: World, settings: string): Promise<void> {
  const response = await fetch(urlOf(world.target, "/api/settings"), {
    method: "PUT",
    headers: { authorization: `Bearer ${world.adminKey}`, "content-type": "application/json" },
    body: settings,
  });
  if (!response.ok) throw new Error(`settings ${settings}: ${response.status} ${await response.text()}`);
}

/** Native endpoints first, then all that needs nothing, then each group of settings. */
export function phasesOf(suite: readonly Instance[]): Phase[] {
  const rest = new Set(suite.map(({ phase }) => phase).filter((phase) => phase.startsWith("{")));
  return ["native", "", ...rest];
}

/** Runs cases side by side, a few at a time, phase by phase, and tells each verdict. */
export async function judgeAll(options: {
  suite: readonly Instance[];
  world: World;
  inFlight: number;
  onVerdict: (verdict: Verdict) => void;
}): Promise<Verdict[]> {
  const { suite, world, inFlight, onVerdict } = options;
  const verdicts: Verdict[] = [];
  for (const phase of phasesOf(suite)) {
    const waiting = suite.filter((instance) => instance.phase === phase);
    if (waiting.length === 0) continue;
    const configured = phase.startsWith("{");
    if (configured) await putSettings(world, phase);
    const worker = async (): Promise<void> => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        const verdict = await judge(next, world);
        verdicts.push(verdict);
        onVerdict(verdict);
      }
    };
    await Promise.all(Array.from({ length: inFlight }, worker));
    if (configured) await putSettings(world, "{}");
  }
  return verdicts.sort((a, b) => a.instance.trap - b.instance.trap);
}

import type { Instance, Phase, World } from "./case.ts";
import { urlOf } from "./client.ts";
import { isObject, type Json } from "./said.ts";
import { judge, type Verdict } from "./suite.ts";

async function settings(world: World, body?: Json): Promise<Json> {
  const response = await fetch(urlOf(world.target, "/api/settings"), {
    method: body === undefined ? "GET" : "PUT",
    headers: { authorization: `Bearer ${world.adminKey}`, "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`settings ${JSON.stringify(body)}: ${response.status} ${text}`);
  const json: unknown = JSON.parse(text);
  return isObject(json) ? json : {};
}

/** Changes some of Routelet's settings, as an operator does; what it gives puts back what was there. */
export async function changeSettings(world: World, changes: string): Promise<() => Promise<void>> {
  const before = await settings(world);
  const wanted: unknown = JSON.parse(changes);
  const changed = Object.entries(isObject(wanted) ? wanted : {}).map(([name, value]) => {
    const old = before[name];
    return [name, isObject(old) && isObject(value) ? { ...old, ...value } : value];
  });
  await settings(world, { ...before, ...Object.fromEntries(changed) });
  return async () => {
    await settings(world, before);
  };
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
    const restore = phase.startsWith("{") ? await changeSettings(world, phase) : null;
    const worker = async (): Promise<void> => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        const verdict = await judge(next, world);
        verdicts.push(verdict);
        onVerdict(verdict);
      }
    };
    try {
      await Promise.all(Array.from({ length: inFlight }, worker));
    } finally {
      await restore?.();
    }
  }
  return verdicts.sort((a, b) => a.instance.trap - b.instance.trap);
}

import { LIMITS } from "../limits.ts";
import { ANY, type CodePoints } from "./code-points.ts";

/**
 * A set of strings as a deterministic automaton over code points, so that patterns, lengths and excluded names can be
 * combined into one grammar rule, and decided in time linear in the text. State 0 is the start; a code point on no edge
 * leads nowhere; every state but a lone start can still reach an accepting one.
 */
export interface Automaton {
  readonly states: readonly AutomatonState[];
}

export interface AutomatonState {
  readonly accepting: boolean;
  readonly edges: readonly { readonly on: CodePoints; readonly to: number }[];
}

/** The automaton would have more than `LIMITS.automatonStates` states. */
export class AutomatonTooLarge extends Error {
  override readonly name = "AutomatonTooLarge";
}

interface Source {
  accepting: boolean;
  edges: Iterable<{ on: CodePoints; to: readonly number[] }>;
}

/**
 * Explores a deterministic automaton whose states are sets of numbers, as subset construction and products are.
 * `look` tells of one such state; where its edges overlap, the union of their targets is the next state.
 */
export function explore(
  start: readonly number[],
  look: (members: readonly number[], isStart: boolean) => Source,
): Automaton {
  const numbers = new Map<string, number>();
  const pending: (readonly number[])[] = [];
  const numberOf = (members: readonly number[]): number => {
    const key = members.join(" ");
    const known = numbers.get(key);
    if (known !== undefined) return known;
    if (numbers.size >= LIMITS.automatonStates) throw new AutomatonTooLarge();
    numbers.set(key, numbers.size);
    pending.push(members);
    return numbers.size - 1;
  };
  numbers.set("start", 0);
  pending.push(start);
  const states: AutomatonState[] = [];
  for (let next = 0; next < pending.length; next++) {
    const { accepting, edges } = look(pending[next] ?? [], next === 0);
    states.push({
      accepting,
      edges: disjoint(edges).map(({ on, to }) => ({ on, to: numberOf(to) })),
    });
  }
  return trim({ states });
}

/** Splits overlapping edges into disjoint ones and joins those with the same targets. */
function disjoint(edges: Source["edges"]): { on: CodePoints; to: readonly number[] }[] {
  const events: { at: number; targets: readonly number[]; change: 1 | -1 }[] = [];
  for (const { on, to } of edges) {
    for (const [low, high] of on) {
      events.push({ at: low, targets: to, change: 1 }, { at: high + 1, targets: to, change: -1 });
    }
  }
  events.sort((a, b) => a.at - b.at);
  const active = new Map<number, number>();
  const joined = new Map<string, { on: [number, number][]; to: number[] }>();
  events.forEach(({ at, targets, change }, index) => {
    for (const target of targets) {
      const count = (active.get(target) ?? 0) + change;
      if (count === 0) active.delete(target);
      else active.set(target, count);
    }
    const until = events[index + 1]?.at ?? at;
    if (until === at || active.size === 0) return;
    const to = [...active.keys()].sort((a, b) => a - b);
    const key = to.join(" ");
    const edge = joined.get(key) ?? { on: [], to };
    joined.set(key, edge);
    const last = edge.on.at(-1);
    if (last !== undefined && last[1] === at - 1) last[1] = until - 1;
    else edge.on.push([at, until - 1]);
  });
  return [...joined.values()];
}

/** Drops the states from which no accepting one can be reached. */
function trim({ states }: Automaton): Automaton {
  const sources = states.map((): number[] => []);
  states.forEach(({ edges }, from) => {
    for (const { to } of edges) sources[to]?.push(from);
  });
  const alive = new Set<number>();
  const pending = states.flatMap((state, index) => (state.accepting ? [index] : []));
  for (let state = pending.pop(); state !== undefined; state = pending.pop()) {
    if (alive.has(state)) continue;
    alive.add(state);
    pending.push(...(sources[state] ?? []));
  }
  const kept = states.flatMap((_, index) => (index === 0 || alive.has(index) ? [index] : []));
  const renumbered = new Map(kept.map((index, position) => [index, position]));
  return {
    states: kept.map((index) => ({
      accepting: states[index]?.accepting ?? false,
      edges: (states[index]?.edges ?? []).flatMap(({ on, to }) => {
        const target = alive.has(to) ? renumbered.get(to) : undefined;
        return target === undefined ? [] : [{ on, to: target }];
      }),
    })),
  };
}

export function acceptsNothing({ states }: Automaton): boolean {
  return states.every((state) => !state.accepting);
}

export function accepts({ states }: Automaton, text: string): boolean {
  let state = states[0];
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    const edge = state?.edges.find(({ on }) => on.some(([low, high]) => low <= code && code <= high));
    if (edge === undefined) return false;
    state = states[edge.to];
  }
  return state?.accepting ?? false;
}

/** Strings of `min` to `max` code points; `max` null: of any length from `min`. */
export function ofLength(min: number, max: number | null): Automaton {
  return explore([0], (members) => {
    const length = members[0] ?? 0;
    const next = max === null ? Math.min(length + 1, min) : length + 1;
    return {
      accepting: length >= min,
      edges: max !== null && length >= max ? [] : [{ on: ANY, to: [next] }],
    };
  });
}

/** Exactly these strings. */
export function exactly(strings: readonly string[]): Automaton {
  const characters = strings.map((text) => Array.from(text, (character) => character.codePointAt(0) ?? 0));
  // A member is an index into `strings` and a position in that string, as one number.
  const width = Math.max(0, ...characters.map((codes) => codes.length)) + 1;
  const read = (member: number) => ({
    codes: characters[Math.floor(member / width)] ?? [],
    position: member % width,
  });
  return explore(
    characters.map((_, index) => index * width),
    (members) => ({
      accepting: members.some((member) => read(member).position === read(member).codes.length),
      edges: members.flatMap((member) => {
        const { codes, position } = read(member);
        const code = codes[position];
        return code === undefined ? [] : [{ on: [[code, code]] as const, to: [member + 1] }];
      }),
    }),
  );
}

export function both(a: Automaton, b: Automaton): Automaton {
  return combine(a, b, (inA, inB) => inA && inB);
}

export function either(a: Automaton, b: Automaton): Automaton {
  return combine(a, b, (inA, inB) => inA || inB);
}

export function without(a: Automaton, b: Automaton): Automaton {
  return combine(a, b, (inA, inB) => inA && !inB);
}

/** Runs both at once. A member below `a.states.length` is a state of `a`, the others are of `b`. */
function combine(a: Automaton, b: Automaton, accepting: (inA: boolean, inB: boolean) => boolean): Automaton {
  const offset = a.states.length;
  const neededA = !accepting(false, true);
  const neededB = !accepting(true, false);
  return explore([0, offset], (members) => {
    const stateA = members.find((member) => member < offset);
    const stateB = members.find((member) => member >= offset);
    if ((neededA && stateA === undefined) || (neededB && stateB === undefined)) {
      return { accepting: false, edges: [] };
    }
    const inA = stateA === undefined ? undefined : a.states[stateA];
    const inB = stateB === undefined ? undefined : b.states[stateB - offset];
    return {
      accepting: accepting(inA?.accepting ?? false, inB?.accepting ?? false),
      edges: [
        ...(inA?.edges ?? []).map(({ on, to }) => ({ on, to: [to] })),
        ...(inB?.edges ?? []).map(({ on, to }) => ({ on, to: [to + offset] })),
      ],
    };
  });
}

import { CONTAINED, groupTemplates } from "./group-templates.ts";
import { Recurrence } from "./recurrence.ts";
import { absorb, overlap, type Profile, profileOf, SAME_TASK, type Template } from "./template.ts";

/** A call, as far as its task goes (`task-key.ts`). */
export interface CallIdentity {
  key: string;
  /** Calls of different groups are never one task. */
  group: string;
  skeleton: Uint32Array;
}

/** A task that is now another one, because more calls showed that they are the same, or that they are not. */
export interface TaskMove {
  /** The template that moved. */
  template: string;
  from: string;
  to: string;
}

export interface MinerLimits {
  /** Templates that are kept; of more the oldest are merged into the rest. */
  templates: number;
  /** Keys whose template is remembered. */
  keys: number;
}

const LIMITS: MinerLimits = { templates: 2_048, keys: 16_384 };

/** The task of everything that was seen too seldom and too long ago to have one. */
export const REST = "rest";

/** Templates of a group that are compared with each other: the ones seen last. */
const COMPARED = 384;
/** New templates until a group is looked at again: this share of those that it has, and at least so many. */
const LOOK_AGAIN = 0.1;
const LOOK_AFTER = 8;
/** Where looking changes nothing the wait doubles, but never beyond so many new templates. */
const LOOK_AT_LAST = 96;

/** From so many skeletons on a template takes in what contains its own units. */
const MATURE = 8;

/** A unit that more templates have tells too little of which one a prompt is to be worth the time. */
const COMMON = 48;

interface Group {
  templates: Set<Template>;
  fresh: number;
  patience: number;
  /** Which templates have a unit, as they were when the group was last looked at. */
  having: Map<number, Template[]>;
  profiles: Map<Template, Profile>;
}

/** What a miner knows, as plain data. */
export interface MinerState {
  version: 1;
  tick: number;
  recurrence: number[];
  templates: (Omit<Template, "units"> & { units: number[] })[];
  keys: [string, string][];
  fixed: string[];
}

/**
 * Finds the tasks in a stream of calls: prompts that come from one template, though page state, names and dates stand in
 * them, sections are reordered and headings translated. A call whose key is known has the task of that key. Of a new one
 * the units join a template that they contain, as a log line joins its template in Drain (He et al., ICWS 2017); else they
 * are a template of their own, and from time to time the templates of a group are grouped anew by what recurs in them.
 *
 * A task's name is the key of its first call. Young tasks may still move (`moved`); a task on which evidence stands
 * is to be fixed, and then neither splits nor merges with another fixed one. Memory is bounded, whatever comes: the
 * oldest templates of a client that never says the same twice are merged into `REST`.
 */
export class TaskMiner {
  readonly #limits: MinerLimits;
  #recurrence = new Recurrence();
  /** Templates of one call, and of more: a flood of the first does not push out the second. Oldest first. */
  readonly #once = new Map<string, Template>();
  readonly #often = new Map<string, Template>();
  readonly #keys = new Map<string, Template>();
  readonly #groups = new Map<string, Group>();
  readonly #fixed = new Set<string>();
  /** Templates that became part of another one. */
  readonly #within = new WeakMap<Template, Template>();
  readonly #moved: (move: TaskMove) => void;
  #tick = 0;

  /** `moved` is told of every task that is now another one. */
  constructor(options: { limits?: Partial<MinerLimits>; moved?: (move: TaskMove) => void } = {}) {
    this.#limits = { ...LIMITS, ...options.limits };
    this.#moved = options.moved ?? (() => {});
  }

  /** The task of a call. */
  assign(call: CallIdentity): string {
    this.#tick++;
    const known = this.#known(call.key);
    const template = known ?? this.#place(call);
    this.#touch(template);
    this.#remember(call.key, template);
    if (known === undefined) {
      this.#lookAgain(call.group);
      this.#evict();
    }
    return this.#alive(template).task;
  }

  /** Keeps a task as it is: its templates stay together, and it merges with no other fixed task. */
  fix(task: string): void {
    this.#fixed.add(task);
  }

  release(task: string): void {
    this.#fixed.delete(task);
  }

  /** The task of a key that is known; null for one that is not, or no more. */
  taskOf(key: string): string | null {
    return this.#known(key)?.task ?? null;
  }

  /** The keys that are remembered as a task's. */
  keysOf(task: string): string[] {
    return [...this.#keys.keys()].filter((key) => this.taskOf(key) === task);
  }

  get size(): { templates: number; keys: number; groups: number } {
    return {
      templates: this.#once.size + this.#often.size,
      keys: this.#keys.size,
      groups: this.#groups.size,
    };
  }

  /** The template that one has become part of, or itself; the way there is shortened. */
  #alive(template: Template): Template {
    const next = this.#within.get(template);
    if (next === undefined) return template;
    const alive = this.#alive(next);
    this.#within.set(template, alive);
    return alive;
  }

  #known(key: string): Template | undefined {
    const template = this.#keys.get(key);
    if (template === undefined) return undefined;
    const alive = this.#alive(template);
    return this.#isKept(alive) ? alive : undefined;
  }

  #isKept(template: Template): boolean {
    return (this.#once.get(template.id) ?? this.#often.get(template.id)) === template;
  }

  #place({ key, group, skeleton }: CallIdentity): Template {
    this.#recurrence.see(skeleton);
    const place = this.#groups.get(group) ?? this.#newGroup(group);
    const nearest = this.#nearest(place, skeleton);
    if (nearest !== null && nearest.template.skeletons >= MATURE && nearest.contained >= CONTAINED) {
      const units = Array.from(skeleton, (unit): [number, number] => [unit, 1]);
      absorb(nearest.template, units, 1);
      return nearest.template;
    }
    const template: Template = {
      id: key,
      group,
      task: nearest !== null && nearest.overlap >= SAME_TASK ? nearest.template.task : key,
      units: new Map(Array.from(skeleton, (unit) => [unit, 1])),
      skeletons: 1,
      calls: 0,
      since: this.#tick,
      seen: this.#tick,
    };
    place.templates.add(template);
    place.fresh++;
    return template;
  }

  #newGroup(name: string): Group {
    const group: Group = {
      templates: new Set(),
      fresh: 0,
      patience: 1,
      having: new Map(),
      profiles: new Map(),
    };
    this.#groups.set(name, group);
    return group;
  }

  /** The template that a skeleton overlaps most, by how much, and which part of it the skeleton contains. */
  #nearest(
    { templates, having, profiles }: Group,
    skeleton: Uint32Array,
  ): { template: Template; overlap: number; contained: number } | null {
    const shared = new Map<Template, number>();
    let total = 0;
    for (const unit of skeleton) {
      total += this.#recurrence.weight(unit);
      const owners = having.get(unit);
      if (owners === undefined || owners.length > COMMON) continue;
      for (const template of owners)
        shared.set(template, (shared.get(template) ?? 0) + (profiles.get(template)?.weights.get(unit) ?? 0));
    }
    let best: { template: Template; overlap: number; contained: number } | null = null;
    for (const [template, weight] of shared) {
      if (!templates.has(template)) continue;
      const own = profiles.get(template)?.total ?? 0;
      const value = overlap(weight, total, own);
      if (best === null || value > best.overlap)
        best = { template, overlap: value, contained: own > 0 ? weight / own : 0 };
    }
    return best;
  }

  #touch(template: Template): void {
    template.calls++;
    template.seen = this.#tick;
    const once = template.calls === 1 && !this.#fixed.has(template.task);
    this.#once.delete(template.id);
    this.#often.delete(template.id);
    (once ? this.#once : this.#often).set(template.id, template);
  }

  #remember(key: string, template: Template): void {
    this.#keys.delete(key);
    this.#keys.set(key, template);
    if (this.#keys.size <= this.#limits.keys) return;
    const [oldest = ""] = this.#keys.keys();
    this.#keys.delete(oldest);
  }

  #lookAgain(name: string): void {
    const group = this.#groups.get(name);
    if (group === undefined) return;
    const due = Math.max(LOOK_AFTER, group.templates.size * LOOK_AGAIN) * group.patience;
    if (group.fresh < Math.min(due, LOOK_AT_LAST)) return;
    group.fresh = 0;
    const changed = this.#regroup(group);
    group.patience = changed ? 1 : Math.min(LOOK_AT_LAST, group.patience * 2);
  }

  /** Groups the templates anew, whatever came in since the last time. */
  regroup(): void {
    for (const group of this.#groups.values()) {
      group.fresh = 0;
      this.#regroup(group);
    }
  }

  #regroup(group: Group): boolean {
    const templates = [...group.templates].sort((a, b) => b.seen - a.seen).slice(0, COMPARED);
    const numbers = groupTemplates({ templates, recurrence: this.#recurrence, fixed: this.#fixed });
    const byTask = Map.groupBy(templates.entries(), ([at]) => numbers[at]);
    const tasks = [...byTask.values()].map((members) => members.map(([, template]) => template));
    const changed = this.#nameTasks(tasks);
    for (const members of tasks) this.#compact(group, members);
    this.#index(group);
    return changed;
  }

  /** Each task keeps the oldest name that its templates had; where a task falls apart its larger part keeps the name. */
  #nameTasks(tasks: Template[][]): boolean {
    const taken = new Set<string>();
    let changed = false;
    const size = (members: Template[]): number => members.reduce((sum, { calls }) => sum + calls, 0);
    for (const members of tasks.sort((a, b) => size(b) - size(a))) {
      const byAge = members.sort((a, b) => a.since - b.since);
      const names = byAge.map(({ task }) => task);
      const named =
        names.find((name) => this.#fixed.has(name)) ??
        names.find((name) => !taken.has(name) && name !== REST) ??
        byAge.find(({ id }) => !taken.has(id))?.id ??
        REST;
      taken.add(named);
      for (const template of members) {
        if (template.task === named) continue;
        this.#moved({ template: template.id, from: template.task, to: named });
        template.task = named;
        changed = true;
      }
    }
    return changed;
  }

  /** A task that is known well enough becomes one template, so that the work does not grow with its calls. */
  #compact(group: Group, members: Template[]): void {
    const skeletons = members.reduce((sum, template) => sum + template.skeletons, 0);
    if (members.length < 2 || skeletons < 2 * MATURE) return;
    const [first, ...others] = members;
    if (first === undefined) return;
    for (const other of others) {
      absorb(first, other.units, other.skeletons);
      first.calls += other.calls;
      first.seen = Math.max(first.seen, other.seen);
      this.#drop(other);
      // Keys may name it for long; what it knew is in the other one.
      other.units = new Map();
      group.templates.delete(other);
      this.#within.set(other, first);
    }
    this.#once.delete(first.id);
    this.#often.set(first.id, first);
  }

  #drop(template: Template): void {
    this.#once.delete(template.id);
    this.#often.delete(template.id);
  }

  #index(group: Group): void {
    group.having.clear();
    group.profiles.clear();
    for (const template of group.templates) {
      const profile = profileOf(template, this.#recurrence);
      group.profiles.set(template, profile);
      for (const unit of profile.weights.keys()) {
        const owners = group.having.get(unit);
        if (owners === undefined) group.having.set(unit, [template]);
        else owners.push(template);
      }
    }
  }

  #evict(): void {
    let spared = 0;
    while (this.#once.size + this.#often.size > this.#limits.templates) {
      const pool = this.#once.size > this.#limits.templates / 8 ? this.#once : this.#often;
      const [oldest] = pool.values();
      if (oldest === undefined || spared > this.#fixed.size) return;
      this.#drop(oldest);
      if (this.#fixed.has(oldest.task)) {
        this.#often.set(oldest.id, oldest);
        spared++;
        continue;
      }
      const group = this.#groups.get(oldest.group);
      group?.templates.delete(oldest);
      if (group?.templates.size === 0) this.#groups.delete(oldest.group);
      this.#moved({ template: oldest.id, from: oldest.task, to: REST });
      oldest.task = REST;
      oldest.units = new Map();
    }
  }

  /** Everything that it knows. */
  toState(): MinerState {
    const templates = [...this.#once.values(), ...this.#often.values()];
    return {
      version: 1,
      tick: this.#tick,
      recurrence: this.#recurrence.toNumbers(),
      templates: templates.map((template) => ({ ...template, units: [...template.units].flat() })),
      keys: [...this.#keys].flatMap(([key, template]) => {
        const alive = this.#alive(template);
        return this.#isKept(alive) ? [[key, alive.id] as [string, string]] : [];
      }),
      fixed: [...this.#fixed],
    };
  }

  /** A miner that goes on where another one was: every key that it knew has the task that it had. */
  static fromState(state: MinerState, options: ConstructorParameters<typeof TaskMiner>[0] = {}): TaskMiner {
    const miner = new TaskMiner(options);
    miner.#tick = state.tick;
    miner.#recurrence = Recurrence.fromNumbers(state.recurrence);
    for (const task of state.fixed) miner.#fixed.add(task);
    for (const { units, ...rest } of state.templates) {
      const pairs = Array.from({ length: units.length / 2 }, (_, at): [number, number] => [
        units[2 * at] ?? 0,
        units[2 * at + 1] ?? 0,
      ]);
      const template: Template = { ...rest, units: new Map(pairs) };
      (rest.calls === 1 && !miner.#fixed.has(rest.task) ? miner.#once : miner.#often).set(rest.id, template);
      (miner.#groups.get(rest.group) ?? miner.#newGroup(rest.group)).templates.add(template);
    }
    for (const [key, id] of state.keys) {
      const template = miner.#once.get(id) ?? miner.#often.get(id);
      if (template !== undefined) miner.#keys.set(key, template);
    }
    for (const group of miner.#groups.values()) miner.#index(group);
    return miner;
  }
}

import { DurableObject } from "cloudflare:workers";
import { nextMove } from "../conversion/modes.ts";
import { NAMED_FROM } from "../conversion/naming/task-name.ts";
import type { TokenPair } from "../conversion/token-ratio.ts";
import type { Env } from "../env.ts";
import { firstIdAt } from "../ledger/call-id.ts";
import { draw, type Lottery } from "../routing/guarantee/lottery.ts";
import { splitKey } from "../routing/guarantee/split.ts";
import { settingsFor } from "../security/settings-snapshot.ts";
import { longestCallMs } from "../settings/policy.ts";
import type { Settings } from "../settings.ts";
import { lookAtTask } from "./certify-task.ts";
import { leading, mayChoose, triedOf } from "./choose-candidate.ts";
import { candidatesOf } from "./find-candidate.ts";
import { ItemRunner, taskOfItem } from "./item-runner.ts";
import { KnownTasks } from "./known-tasks.ts";
import { explorationLottery } from "./lotteries.ts";
import { movedTask } from "./moved-task.ts";
import { standingOf } from "./standing.ts";
import { suggestName } from "./suggest-name.ts";
import type { Candidate, DrawRecord, Task } from "./task.ts";
import { TaskAliases } from "./task-aliases.ts";
import { TaskNames } from "./task-names.ts";
import { TaskStore } from "./task-store.ts";
import { joined, named, newTask, type TaskView, viewOf } from "./task-view.ts";
import { type WorkItem, WorkQueue } from "./work-queue.ts";

/** Items that may wait; beyond it the oldest count as losses. */
const MAX_ITEMS = 10_000;
/** Tasks of one project; of a broken client's, which names a new one each time, the oldest are forgotten. */
export const MAX_TASKS = 2_000;
/** How many items are under way at once, and how many one alarm takes on: an alarm ends after 15 minutes. */
const AT_ONCE = 2;
const PER_ALARM = 16;
const LEASE_MS = 10 * 60_000;
/** Tasks that one alarm looks for names of: each is some dozen calls to read. */
const NAMED_PER_ALARM = 4;
/** Tasks that wait for something (a node, a label) are looked at this often. */
const LOOK_EVERY_MS = 30_000;
/** Of a task's pairs the newest count: models and prompts change. */
const MAX_PAIRS = 500;
/** Tasks that have become ripe wait this long for others. */
const LOOK_SOON_MS = 1_000;
/** Feedback about a call that nobody has told of may still be about a draw for so long. */
const YOUNG_MS = 5 * 60_000;
/** Answers that nobody was given are kept for feedback to be held against, at most for so long. */
const UNSEEN_MS = 7 * 24 * 3_600_000;

/** What of a call says which task it is, as plain data (`src/routing/task/task-key.ts`). */
export interface RecognisedCall {
  key: string;
  group: string;
  skeleton: number[];
}

/** A call as isolates tell of it, behind its response. */
export interface ObservedCall {
  callId: string;
  /** Its task by the name that its caller gave, or what it is recognised by. */
  task: { name: string } | RecognisedCall;
  splitKey: string;
  at: number;
  /** Calls of this task since the isolate's last message, this one included. */
  count: number;
  /** Its key's answers are read by people. */
  human: boolean;
  /** It is of those that the task's certificate is about, and that its small model may answer; known before any answer. */
  covered: boolean;
  /** A small model was asked for it by the task's stage, whoever answered in the end, if anybody did. */
  askedSlm: boolean;
}

/** What would answer a task now: just what was tried, else what has become of that model, else the fastest. */
function servedOf({ candidate }: Task, serving: readonly Candidate[]): Candidate | null {
  return (
    serving.find(({ fingerprint }) => fingerprint === candidate?.fingerprint) ??
    serving.find(({ model }) => model === candidate?.model) ??
    serving[0] ??
    null
  );
}

/**
 * What happens to a project's tasks behind its calls: which there are, what small models say to calls that were drawn,
 * what was certified, and how far each task has come. One object per project (`getByName(projectId)`); all of it in the
 * object's own SQLite, so that nothing of it is lost or done twice.
 */
export class Work extends DurableObject<Env> {
  clock: () => number = Date.now;
  readonly #store: TaskStore;
  readonly #queue: WorkQueue;
  readonly #items: ItemRunner;
  readonly #tasks: KnownTasks;
  readonly #names: TaskNames;
  #lookedAt = 0;
  /** Tasks that have had calls enough to be tried on a small model, and are not yet. */
  readonly #ripe = new Set<string>();

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#store = new TaskStore(ctx.storage.sql);
    this.#queue = new WorkQueue({ sql: ctx.storage.sql, limit: MAX_ITEMS });
    this.#items = new ItemRunner({
      env,
      store: this.#store,
      queue: this.#queue,
      transaction: (step) => ctx.storage.transactionSync(step),
    });
    this.#tasks = new KnownTasks(this.#store, new TaskAliases(ctx.storage.sql));
    this.#names = new TaskNames(ctx.storage.sql);
  }

  /**
   * Takes calls, and gives what isolates are to know of their tasks, in the calls' order; null for a call beyond the limit
   * of tasks. Telling of a call again changes nothing but its count.
   */
  async observe(projectId: string, calls: readonly ObservedCall[]): Promise<(TaskView | null)[]> {
    if (this.#store.note("project") !== projectId) this.#store.setNote("project", projectId);
    const settings = await this.#settings();
    const views = calls.map((call) => {
      const task = this.#seen(call);
      if (task === null) return null;
      const waits = task.stage.mode === "observe" && !task.excluded && !task.human;
      if (waits && task.calls >= settings.conversion.minCalls) this.#ripe.add(task.id);
      this.#draw(task, call);
      return viewOf(task);
    });
    this.#tasks.save(this.clock());
    await this.#schedule(settings);
    return views;
  }

  /** All tasks, those seen last first. */
  async tasks(): Promise<Task[]> {
    const names = this.#names.all();
    return this.#store
      .tasks()
      .map((task) => named(task, names))
      .sort((a, b) => b.lastSeenAt - a.lastSeenAt);
  }

  async task(id: string) {
    const task = this.#store.task(id);
    if (task === null) return null;
    const draws = this.#store.draws(id);
    const settings = await this.#settings();
    const { epsilon, delta, maxP95Ms, formMargin } = settings.conversion;
    const policy = { epsilon, delta };
    return {
      task: named(task, this.#names.all()),
      draws,
      history: this.#store.history(id),
      standing: standingOf({
        task,
        draws,
        served: task.candidate,
        policy,
        longestCallMs: longestCallMs(settings),
        now: this.clock(),
      }),
      limits: { maxP95Ms: task.maxP95Ms ?? maxP95Ms, formMargin },
      tried: triedOf(task.candidates ?? [], draws),
      names: this.#tasks.namesOf(id),
    };
  }

  /** Whether people read a task's answers, and the names that its calls are recorded under; null for one that is not known. */
  async taskNames(id: string): Promise<{ human: boolean; names: string[] } | null> {
    const task = this.#store.task(id);
    return task === null ? null : { human: task.human, names: this.#tasks.namesOf(id) };
  }

  /** The names of all tasks whose answers people read. */
  async humanTasks(): Promise<string[]> {
    return this.#store.tasks().flatMap(({ id, human }) => (human ? this.#tasks.namesOf(id) : []));
  }

  /**
   * Something was said of a call, or of all calls of a session (`run`), and is kept in D1. Where the call was drawn, its label
   * is looked at again; a call that was not drawn is none the more for it.
   */
  async feedback(about: { call: string } | { run: string }): Promise<void> {
    const now = this.clock();
    const drawn =
      "call" in about
        ? [this.#store.drawOf(about.call)]
        : this.#store.drawsOfRun(splitKey({ session: about.run, firstMessage: "" }));
    for (const [at, draw] of drawn.entries()) {
      const callId = draw?.callId ?? ("call" in about ? about.call : "");
      // A call is told of behind its response: one that is young may be drawn and not known yet.
      if (draw === null && callId < firstIdAt(now - YOUNG_MS)) continue;
      this.#items.add({
        kind: "feedback",
        name: ` ${now} ${at}`,
        taskId: draw?.taskId ?? "",
        callId,
        now,
      });
    }
    if (this.#store.note("project") !== null) await this.#schedule(await this.#settings());
  }

  /** What both models counted on calls that were drawn and answered by both, by task; and what audits and judges of a time cost. */
  async tokenPairs(time: {
    from: number;
    to: number;
  }): Promise<{ byTask: Record<string, TokenPair[]>; auditsUsd: number; judgesUsd: number }> {
    const byTask: Record<string, TokenPair[]> = {};
    let auditsUsd = 0;
    let judgesUsd = 0;
    for (const { id } of this.#store.tasks()) {
      const pairs: TokenPair[] = [];
      for (const { at, outcome } of this.#store.draws(id)) {
        if (outcome === null) continue;
        if (at >= time.from && at < time.to) {
          auditsUsd += outcome.auditCostUsd ?? 0;
          judgesUsd += outcome.judgeCostUsd ?? 0;
        }
        const { slmTokens: slm, referenceTokens: reference } = outcome;
        if (slm !== null && reference !== null) pairs.push({ slm, reference });
      }
      byTask[id] = pairs.slice(-MAX_PAIRS);
    }
    return { byTask, auditsUsd, judgesUsd };
  }

  /** What a person decides about a task; null when there is none of this id. */
  async change(
    id: string,
    change: {
      name?: string;
      excluded?: boolean;
      approved?: boolean;
      maxP95Ms?: number | null;
      mode?: "observe" | "shadow";
    },
  ): Promise<Task | null> {
    const task = this.#store.task(id);
    if (task === null) return null;
    const { mode, ...fields } = change;
    const changed: Task = { ...task, ...fields };
    this.#store.put(changed);
    if (mode !== undefined && mode !== task.stage.mode)
      this.#move(changed, { mode, share: 0 }, mode === "observe" ? "rolled_back" : "restarted");
    await this.#advance([id], await this.#settings());
    const now = this.#store.task(id);
    return now && named(now, this.#names.all());
  }

  /**
   * Makes one task a part of another, which it then is. Both lose their evidence, since it was of other calls than the joined
   * task has, and what their attempts at a certificate have spent adds up. A string says why not.
   */
  async merge(id: string, into: string): Promise<Task | "unknown" | "unknown_target" | "human"> {
    const [from, to] = [this.#store.task(id), this.#store.task(into)];
    if (from === null) return "unknown";
    if (to === null || id === into) return "unknown_target";
    if (from.human !== to.human) return "human";
    this.ctx.storage.transactionSync(() => {
      this.#store.remove(id);
      this.#names.forget(id);
      this.#tasks.merge(id, into);
      this.#begin({ ...joined(from, to), id: into }, `merged:${id}`);
    });
    await this.#advance([into], await this.#settings());
    return this.#store.task(into) ?? "unknown_target";
  }

  /** Makes a name's calls a task of their own again; the one that they are taken from loses its evidence. The same way. */
  async split(id: string, name: string): Promise<Task | "unknown" | "unknown_name"> {
    const task = this.#store.task(id);
    if (task === null) return "unknown";
    if (name === id || !this.#tasks.namesOf(id).includes(name)) return "unknown_name";
    this.ctx.storage.transactionSync(() => {
      this.#tasks.split(name);
      this.#store.put({ ...newTask(name, this.clock()), human: task.human, attempts: task.attempts });
      this.#begin(task, `split:${name}`);
    });
    await this.#advance([id], await this.#settings());
    return this.#store.task(id) ?? "unknown";
  }

  /** A task whose calls are others from now on: nothing of what was drawn is evidence any more. */
  #begin(task: Task, because: string): void {
    this.#store.forgetDraws(task.id);
    const { stage, excluded, human } = task;
    const stays = stage.mode === "observe" || stage.mode === "demoted";
    const mode = excluded || human ? "observe" : stays ? stage.mode : "shadow";
    this.#move(task, { mode, share: 0 }, because);
  }

  async waiting(): Promise<number> {
    return this.#queue.size;
  }

  override async alarm(): Promise<void> {
    const settings = await this.#settings();
    // What waits is done when collecting is on again.
    if (settings.conversion.collect === "off") return;
    const items = this.#queue.lease({ now: this.clock(), limit: PER_ALARM, leaseMs: LEASE_MS });
    const left = [...items];
    const asking = {
      projectId: this.#projectId,
      settings,
      now: this.clock,
      waitUntil: (work: Promise<unknown>) => this.ctx.waitUntil(work),
    };
    const worker = async (): Promise<void> => {
      for (let item = left.shift(); item !== undefined; item = left.shift())
        await this.#items.run(item, asking);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    await this.#advance(this.#dueTasks(items), settings);
    await this.#nameTasks();
    await this.#schedule(settings);
  }

  /** Gives recognised tasks names that people can read; some at a time. */
  async #nameTasks(): Promise<void> {
    const now = this.clock();
    const nameless = this.#store
      .tasks()
      .filter(({ id, name, calls }) => name === id && calls >= NAMED_FROM && this.#tasks.isRecognised(id));
    const common = { env: this.env, projectId: this.#projectId, known: this.#names };
    let left = NAMED_PER_ALARM;
    for (const { id: taskId } of nameless) {
      if (left === 0) return;
      if (!this.#names.begin(taskId, now)) continue;
      left -= 1;
      const names = this.#tasks.namesOf(taskId);
      await suggestName({ ...common, taskId, names }).catch((cause) => {
        console.warn(JSON.stringify({ event: "task_not_named", task: taskId, cause: String(cause) }));
      });
    }
  }

  /** The tasks of these items; all of them now and then, since a node, a setting or a day's end may move them too. */
  #dueTasks(items: readonly WorkItem[]): string[] {
    const now = this.clock();
    const ripe = [...this.#ripe];
    this.#ripe.clear();
    if (now - this.#lookedAt < LOOK_EVERY_MS) return [...new Set([...ripe, ...items.map(taskOfItem)])];
    this.#lookedAt = now;
    this.#store.forgetUnseenBefore(firstIdAt(now - UNSEEN_MS));
    return this.#store.tasks().map(({ id }) => id);
  }

  #seen(call: ObservedCall): Task | null {
    const id = "name" in call.task ? this.#tasks.named(call.task.name) : this.#tasks.assign(call.task);
    const known = this.#store.task(id);
    if (known === null && this.#store.count >= MAX_TASKS && !this.#forgetOne()) return null;
    const task = known ?? newTask(id, call.at);
    const seen: Task = {
      ...task,
      calls: task.calls + call.count,
      lastSeenAt: Math.max(task.lastSeenAt, call.at),
      // One that agents have calls of as well is theirs; what people read of it is left alone call by call.
      human: known === null ? call.human : known.human && call.human,
    };
    this.#store.put(seen);
    return seen;
  }

  /** Makes room for a new task: of those that nothing was tried on and nobody named, the one seen longest ago goes. */
  #forgetOne(): boolean {
    const untouched = this.#store
      .tasks()
      .filter(({ id, name, stage, excluded }) => stage.mode === "observe" && name === id && !excluded);
    const oldest = untouched.reduce<Task | null>(
      (found, task) => (found === null || task.lastSeenAt < found.lastSeenAt ? task : found),
      null,
    );
    if (oldest !== null) this.#store.remove(oldest.id);
    return oldest !== null;
  }

  /** Nothing that a model said has a say in it: neither who answered, nor whether anybody did. */
  #draw(task: Task, call: ObservedCall): void {
    const { lottery } = task;
    if (lottery === null || call.human || !call.covered) return;
    const drawn = draw(lottery, { id: call.callId, splitKey: call.splitKey });
    if (drawn === null) return;
    const kind = task.stage.mode === "shadow" ? "shadow" : "audit";
    if (kind === "audit" && !call.askedSlm) return;
    const { callId, splitKey, at } = call;
    const record = {
      callId,
      taskId: task.id,
      kind,
      lotteryId: lottery.id,
      share: lottery.share,
      splitKey,
      at,
      outcome: null,
    } as const;
    if (!this.#store.addDraw(record)) return;
    this.#items.add({ kind, taskId: task.id, callId, now: this.clock() });
  }

  /** Opens and looks at windows, and moves the tasks where their evidence says. */
  async #advance(ids: readonly string[], settings: Settings): Promise<void> {
    if (ids.length === 0 || settings.conversion.collect === "off") return;
    const fleet = await this.env.FLEET.getByName("fleet").snapshot();
    const serving = await candidatesOf(fleet, this.#projectId);
    for (const id of ids) {
      try {
        this.#advanceOne(id, serving, settings);
      } catch (cause) {
        console.error(JSON.stringify({ event: "task_not_advanced", task: id, cause: String(cause) }));
      }
    }
  }

  /** One step, so that what is told of the task meanwhile is not written over. `serving`: what serves now. */
  #advanceOne(id: string, serving: Candidate[], settings: Settings): void {
    const before = this.#store.task(id);
    if (before === null) return;
    const draws = this.#store.draws(id);
    let task = this.#withCandidates(before, draws, serving);
    if (task.stage.mode === "shadow") task = this.#certified(task, draws, settings);
    const { conversion } = settings;
    const found = servedOf(task, serving);
    const standing = standingOf({
      task,
      draws,
      served: found,
      policy: conversion,
      longestCallMs: longestCallMs(settings),
      now: this.clock(),
    });
    const move = nextMove(standing, { ...conversion, maxP95Ms: task.maxP95Ms ?? conversion.maxP95Ms });
    if (!("to" in move)) {
      this.#store.put({ ...task, stays: move.stays });
      return;
    }
    // What was tried on another model is no evidence for this one.
    if (move.because === "changed") task = { ...task, candidate: found, window: null, certification: null };
    this.#move(task, move.to, move.because);
  }

  /** Who is tried follows what serves and how it did, as long as no evidence hangs on one model. */
  #withCandidates(task: Task, draws: readonly DrawRecord[], serving: Candidate[]): Task {
    if (serving.length === 0) return task;
    if (mayChoose(task))
      return this.#withCandidate({ ...task, candidates: serving }, leading(triedOf(serving, draws)));
    const { candidate, window } = task;
    const found = servedOf(task, serving);
    // A model that is away for a while keeps its window; one that has become another never comes back to it.
    const isAnother = found?.model === candidate?.model && found?.fingerprint !== candidate?.fingerprint;
    if (window === null || !isAnother) return task;
    this.#note(task, "changed", null);
    const lottery = this.#exploration(task);
    return this.#withCandidate({ ...task, window: null, terms: null, candidates: serving, lottery }, found);
  }

  /** What a person agreed to was the model that was there. */
  #withCandidate(task: Task, found: Candidate | null): Task {
    const { candidate, approved } = task;
    if (found === null) return task;
    const isOther = candidate !== null && candidate.fingerprint !== found.fingerprint;
    return { ...task, candidate: found, approved: approved && !isOther };
  }

  #note(task: Task, because: string, certification: Task["certification"]): void {
    const { id: taskId, stage } = task;
    this.#store.addHistory({ at: this.clock(), taskId, from: stage, to: stage, because, certification });
  }

  #certified(task: Task, draws: readonly DrawRecord[], settings: Settings): Task {
    const { epsilon, delta, drawShare: share, judge, feedbackThreshold } = settings.conversion;
    const looked = lookAtTask({
      task,
      draws,
      policy: { epsilon, delta, share, judge, feedbackThreshold },
      longestCallMs: longestCallMs(settings),
      now: this.clock(),
      newId: () => crypto.randomUUID(),
    });
    if (looked.decided !== null) this.#store.forgetUnseen(task.id, looked.decided);
    if (looked.failed !== null) this.#note(task, "not_certified", looked.failed);
    if (looked.closed) this.#note(task, "policy_changed", null);
    return looked.task;
  }

  #exploration(task: Task): Lottery {
    return explorationLottery({
      drawn: this.#store.drawn(task.id),
      newId: () => crypto.randomUUID(),
    });
  }

  /** Writes a move with its evidence, in one step. */
  #move(task: Task, to: Task["stage"], because: string): void {
    const at = this.clock();
    const { certification } = task;
    const drawn = this.#store.drawn(task.id);
    this.ctx.storage.transactionSync(() => {
      this.#store.addHistory({ at, taskId: task.id, from: task.stage, to, because, certification });
      this.#tasks.keep(task.id, to.mode !== "observe");
      this.#store.put(movedTask({ task, to, at, drawn, newId: () => crypto.randomUUID() }));
    });
    console.log(
      JSON.stringify({ event: "task_moved", task: task.id, to: to.mode, share: to.share, because }),
    );
  }

  get #projectId(): string {
    return this.#store.note("project") ?? "default";
  }

  #settings(): Promise<Settings> {
    return settingsFor({
      env: this.env,
      projectId: this.#projectId,
      waitUntil: (work) => this.ctx.waitUntil(work),
      clock: this.clock,
    });
  }

  async #schedule(settings: Settings): Promise<void> {
    if (settings.conversion.collect === "off") return;
    const now = this.clock();
    const due = this.#queue.nextDue;
    const look = now + (this.#ripe.size > 0 ? LOOK_SOON_MS : LOOK_EVERY_MS);
    if (due === null && this.#store.count === 0) return;
    const at = Math.min(due ?? look, look);
    const set = await this.ctx.storage.getAlarm();
    if (set === null || set > at) await this.ctx.storage.setAlarm(Math.max(at, now + 50));
  }
}

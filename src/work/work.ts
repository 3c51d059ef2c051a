import { DurableObject } from "cloudflare:workers";
import { nextMove } from "../conversion/modes.ts";
import type { TokenPair } from "../conversion/token-ratio.ts";
import type { Env } from "../env.ts";
import { firstIdAt } from "../ledger/call-id.ts";
import { startDetector } from "../routing/guarantee/drift-detector.ts";
import { draw, type Lottery } from "../routing/guarantee/lottery.ts";
import { settingsFor } from "../security/settings-snapshot.ts";
import type { Settings } from "../settings.ts";
import { lookAt, windowFor } from "./certify-task.ts";
import { candidateOf } from "./find-candidate.ts";
import { KnownTasks } from "./known-tasks.ts";
import { ALARM_RATE, auditLottery, explorationLottery } from "./lotteries.ts";
import { runAudit, runShadow, type Settled } from "./run-item.ts";
import { standingOf } from "./standing.ts";
import { type DrawRecord, type Task, TaskStore } from "./task-store.ts";
import { newTask, type TaskView, viewOf } from "./task-view.ts";
import { type WorkItem, WorkQueue } from "./work-queue.ts";

/** Items that may wait; beyond it the oldest count as losses. */
const MAX_ITEMS = 10_000;
/** Tasks of one project; of a broken client's, which names a new one each time, the oldest are forgotten. */
export const MAX_TASKS = 2_000;
/** How many items are under way at once, and how many one alarm takes on: an alarm ends after 15 minutes. */
const AT_ONCE = 2;
const PER_ALARM = 16;
const LEASE_MS = 10 * 60_000;
/** Tasks that wait for something (a node, a label) are looked at this often. */
const LOOK_EVERY_MS = 30_000;
/** Of a task's pairs the newest count: models and prompts change. */
const MAX_PAIRS = 500;
/** Tasks that have become ripe wait this long for others. */
const LOOK_SOON_MS = 1_000;
/** A draw that has not come back by then is lost. */
const SETTLED_AFTER_MS = 24 * 3_600_000;

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
  /** `reference`: a cloud model answered, and its content is kept. `slm`: a small model did, by the task's stage. */
  answeredBy: "reference" | "slm" | "other";
}

interface Payload {
  taskId: string;
  callId: string;
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
  readonly #tasks: KnownTasks;
  #lookedAt = 0;
  /** Tasks that have had calls enough to be tried on a small model, and are not yet. */
  readonly #ripe = new Set<string>();

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#store = new TaskStore(ctx.storage.sql);
    this.#queue = new WorkQueue({ sql: ctx.storage.sql, limit: MAX_ITEMS });
    this.#tasks = new KnownTasks(this.#store);
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
    return this.#store.tasks().sort((a, b) => b.lastSeenAt - a.lastSeenAt);
  }

  async task(id: string) {
    const task = this.#store.task(id);
    if (task === null) return null;
    return { task, draws: this.#store.draws(id), history: this.#store.history(id) };
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

  /** What both models counted on calls that were drawn and answered by both, by task; and what the audits of a time cost. */
  async tokenPairs(time: {
    from: number;
    to: number;
  }): Promise<{ byTask: Record<string, TokenPair[]>; auditsUsd: number }> {
    const byTask: Record<string, TokenPair[]> = {};
    let auditsUsd = 0;
    for (const { id } of this.#store.tasks()) {
      const pairs: TokenPair[] = [];
      for (const { at, outcome } of this.#store.draws(id)) {
        if (outcome === null) continue;
        if (at >= time.from && at < time.to) auditsUsd += outcome.auditCostUsd ?? 0;
        const { slmTokens: slm, referenceTokens: reference } = outcome;
        if (slm !== null && reference !== null) pairs.push({ slm, reference });
      }
      byTask[id] = pairs.slice(-MAX_PAIRS);
    }
    return { byTask, auditsUsd };
  }

  /** What a person decides about a task; null when there is none of this id. */
  async change(
    id: string,
    change: { name?: string; excluded?: boolean; approved?: boolean; mode?: "observe" | "shadow" },
  ): Promise<Task | null> {
    const task = this.#store.task(id);
    if (task === null) return null;
    const { mode, ...fields } = change;
    const changed: Task = { ...task, ...fields };
    this.#store.put(changed);
    if (mode !== undefined && mode !== task.stage.mode)
      this.#move(changed, { mode, share: 0 }, mode === "observe" ? "rolled_back" : "restarted");
    await this.#advance([id], await this.#settings());
    return this.#store.task(id);
  }

  async waiting(): Promise<number> {
    return this.#queue.size;
  }

  override async alarm(): Promise<void> {
    const settings = await this.#settings();
    const items = this.#queue.lease({ now: this.clock(), limit: PER_ALARM, leaseMs: LEASE_MS });
    const left = [...items];
    const worker = async (): Promise<void> => {
      for (let item = left.shift(); item !== undefined; item = left.shift()) await this.#run(item, settings);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    await this.#advance(this.#dueTasks(items), settings);
    await this.#schedule(settings);
  }

  /** The tasks of these items; all of them now and then, since a node, a setting or a day's end may move them too. */
  #dueTasks(items: readonly WorkItem[]): string[] {
    const now = this.clock();
    const ripe = [...this.#ripe];
    this.#ripe.clear();
    if (now - this.#lookedAt < LOOK_EVERY_MS)
      return [...new Set([...ripe, ...items.map(({ payload }) => (JSON.parse(payload) as Payload).taskId)])];
    this.#lookedAt = now;
    return this.#store.tasks().map(({ id }) => id);
  }

  #seen(call: ObservedCall): Task | null {
    const id = "name" in call.task ? call.task.name : this.#tasks.assign(call.task);
    const known = this.#store.task(id);
    if (known === null && this.#store.count >= MAX_TASKS && !this.#forgetOne()) return null;
    const task = known ?? newTask(id, call.at);
    const seen: Task = {
      ...task,
      calls: task.calls + call.count,
      lastSeenAt: Math.max(task.lastSeenAt, call.at),
      human: call.human,
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

  #draw(task: Task, call: ObservedCall): void {
    const { lottery } = task;
    if (lottery === null || call.answeredBy === "other") return;
    const drawn = draw(lottery, { id: call.callId, splitKey: call.splitKey });
    if (drawn === null) return;
    const kind = task.stage.mode === "shadow" ? "shadow" : "audit";
    if (kind === "shadow" && call.answeredBy !== "reference") return;
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
    const payload: Payload = { taskId: task.id, callId };
    const lost = this.#queue.add(
      [{ id: `${kind} ${callId}`, kind, payload: JSON.stringify(payload) }],
      this.clock(),
    );
    if (lost.length > 0) console.warn(JSON.stringify({ event: "work_queue_full", lost: lost.length }));
  }

  async #run(item: WorkItem, settings: Settings): Promise<void> {
    const { taskId, callId } = JSON.parse(item.payload) as Payload;
    const task = this.#store.task(taskId);
    if (task === null) return this.#queue.done(item.id);
    const common = {
      env: this.env,
      projectId: this.#projectId,
      callId,
      task,
      tries: item.tries,
      addedAt: item.addedAt,
      settings,
      now: this.clock,
      waitUntil: (work: Promise<unknown>) => this.ctx.waitUntil(work),
    };
    let settled: Settled;
    try {
      settled = item.kind === "audit" ? await runAudit(common) : await runShadow(common);
    } catch (cause) {
      console.error(JSON.stringify({ event: "work_item_failed", kind: item.kind, cause: String(cause) }));
      settled = { retryAt: this.clock() + 60_000 };
    }
    if ("retryAt" in settled) return this.#queue.retry(item.id, settled.retryAt);
    this.#queue.done(item.id);
    const record = this.#store.settle(taskId, callId, settled.outcome);
    const now = this.#store.task(taskId);
    if (record === null || record.kind !== "audit" || now === null || now.detector === null) return;
    this.#store.put({ ...now, audits: now.audits + 1, detector: settled.detector(now.detector) });
  }

  /** Opens and looks at windows, and moves the tasks where their evidence says. */
  async #advance(ids: readonly string[], settings: Settings): Promise<void> {
    if (ids.length === 0 || settings.conversion.collect === "off") return;
    const fleet = await this.env.FLEET.getByName("fleet").snapshot();
    for (const id of ids) {
      const task = this.#store.task(id);
      if (task === null) continue;
      const found = await candidateOf({ fleet, projectId: this.#projectId, task });
      this.#advanceOne(id, found, settings);
    }
  }

  /** One step, so that what is told of the task meanwhile is not written over. `found`: what serves now. */
  #advanceOne(id: string, found: Task["candidate"], settings: Settings): void {
    const before = this.#store.task(id);
    if (before === null) return;
    const draws = this.#store.draws(id);
    let task: Task = found === null || before.candidate !== null ? before : { ...before, candidate: found };
    if (task.stage.mode === "shadow") task = this.#certified(task, draws, settings);
    const standing = standingOf({ task, draws, served: found });
    const move = nextMove(standing, settings.conversion);
    if (!("to" in move)) {
      this.#store.put(task);
      return;
    }
    // What was tried on another model is no evidence for this one.
    if (move.because === "changed") task = { ...task, candidate: found, window: null, certification: null };
    this.#move(task, move.to, move.because);
  }

  #certified(task: Task, draws: readonly DrawRecord[], settings: Settings): Task {
    const { epsilon, delta, drawShare } = settings.conversion;
    const newId = () => crypto.randomUUID();
    if (task.window === null) {
      if (task.certification !== null) return task;
      const opened = windowFor({ task, draws, policy: { epsilon, delta, share: drawShare }, newId });
      if (opened === null) return task;
      const { window, attempts } = opened;
      return { ...task, window, attempts, lottery: window.lottery };
    }
    const { window } = task;
    const own = draws.filter(({ lotteryId }) => lotteryId === window.lottery.id);
    const settledBefore = firstIdAt(this.clock() - SETTLED_AFTER_MS);
    const state = lookAt({ task, window, draws: own, delta, settledBefore });
    if (state.state === "open") return task;
    const { certification } = state;
    if (state.state === "certified") return { ...task, certification, window: null };
    this.#store.addHistory({
      at: this.clock(),
      taskId: task.id,
      from: task.stage,
      to: task.stage,
      because: "not_certified",
      certification,
    });
    return { ...task, window: null, lottery: this.#exploration(task) };
  }

  #exploration(task: Task): Lottery {
    return explorationLottery({
      drawn: this.#store.draws(task.id).length,
      newId: () => crypto.randomUUID(),
    });
  }

  /** Writes a move with its evidence, in one step. */
  #move(task: Task, to: Task["stage"], because: string): void {
    const at = this.clock();
    const serves = to.mode === "canary" || to.mode === "promoted";
    const { certification } = task;
    const fresh = serves && task.detector === null && certification !== null;
    const epsilon = certification?.epsilon ?? 0.05;
    this.ctx.storage.transactionSync(() => {
      this.#store.addHistory({ at, taskId: task.id, from: task.stage, to, because, certification });
      this.#tasks.keep(task.id, to.mode !== "observe");
      this.#store.put({
        ...task,
        stage: to,
        stageSince: at,
        audits: 0,
        approved: serves ? task.approved : false,
        detector: fresh ? startDetector({ epsilon, alarmRate: ALARM_RATE }) : serves ? task.detector : null,
        window: serves ? task.window : null,
        certification: serves ? certification : null,
        lottery:
          to.mode === "observe" || to.mode === "demoted"
            ? null
            : serves
              ? auditLottery(epsilon, () => crypto.randomUUID())
              : this.#exploration(task),
      });
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

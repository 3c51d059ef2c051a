import { setTimeout as delay } from "node:timers/promises";
import { ADMIN_KEY, type TestGateway } from "../../test/harness/gateway.ts";
import type { LedgerCall, LedgerDraw } from "./savings-oracle.ts";
import type { AgentTask } from "./tasks.ts";

/** What `GET /api/tasks/{id}` says, as far as it is looked at. */
export interface TaskDetail {
  mode: string;
  calls: number;
  certification: { threshold: number | null; n: number; losses: number; released: number } | null;
  evidence: { drawn: number; settled: number; agreement: number | null };
  conditions: {
    tests: number;
    invalid: { n: number; worse: number; bound: number };
    p95_ms: number | null;
    stays: string | null;
  };
  history: { to: { mode: string; share: number }; because: string }[];
  draws: (LedgerDraw & {
    kind: "shadow" | "audit";
    label: "fine" | "wrong" | "missing" | null;
    answer: "scored" | "rejected" | "missing" | null;
    score: number | null;
    findings: string[];
  })[];
}

/** One call as its agent saw it. */
interface Seen {
  bySlm: boolean;
  right: boolean;
}

/** A task and all that became of its calls. */
export interface Trail {
  task: AgentTask;
  seen: Seen[];
  /** When it was last called; milliseconds since the epoch. */
  calledAt: number;
  /** How many calls it had had when it was first seen promoted; null where it never was. */
  promotedAfter: number | null;
  detail: TaskDetail | null;
}

const AT_ONCE = 8;
/** Draws of one task that wait for the small model before its agent goes on: a day's calls do not come in a second. */
const MOST_WAITING = 24;
const UNHEARD_MS = 1_500;
export const MOST_TIMES = 4;
/** The longest that a call of the benchmark may take: a certificate counts only calls that began longer ago. */
export const LONGEST_CALL_MS = 20_000;
/** A task without calls is looked at every 30 s. */
const LOOKED_AT_MS = LONGEST_CALL_MS + 40_000;
/** Calls that are watched after a promotion. */
const AFTERWARDS = 100;

const textOf = (reply: unknown): string => {
  const { choices } = reply as { choices?: { message?: { content?: string } }[] };
  return choices?.[0]?.message?.content?.trim() ?? "";
};

/** Drives agents' tasks through a gateway: it calls, looks, and decides nothing. */
export class Driver {
  readonly #gateway: TestGateway;
  readonly #least: number;
  #session = 0;

  constructor(options: {
    gateway: TestGateway;
    /** Calls of every task; one that is certified gets up to four times as many. */
    least: number;
  }) {
    this.#gateway = options.gateway;
    this.#least = options.least;
  }

  async run(tasks: readonly AgentTask[], log: (line: string) => void): Promise<Trail[]> {
    const trails = tasks.map(
      (task): Trail => ({ task, seen: [], calledAt: 0, promotedAfter: null, detail: null }),
    );
    let round = 0;
    for (;;) {
      const open = trails.filter((trail) => !this.#isDone(trail));
      if (open.length === 0) return trails;
      const called = await Promise.all(open.map((trail) => this.#round(trail)));
      if (!called.some(Boolean)) await delay(300);
      if (++round % 100 === 0) log(trails.map(lineOf).join(" · "));
    }
  }

  async detailOf(name: string, draws: number): Promise<TaskDetail | null> {
    const response = await this.#gateway.fetch(`/api/tasks/${name}?draws=${draws}`, {
      headers: { authorization: `Bearer ${ADMIN_KEY}` },
    });
    return response.ok ? ((await response.json()) as TaskDetail) : null;
  }

  /** Calls a few times unless the task's draws have piled up; false for none. */
  async #round(trail: Trail): Promise<boolean> {
    trail.detail = await this.detailOf(trail.task.name, 0);
    const { detail, seen } = trail;
    if (detail?.mode === "promoted") trail.promotedAfter ??= seen.length;
    const waiting = detail === null ? 0 : detail.evidence.drawn - detail.evidence.settled;
    if (waiting >= MOST_WAITING || !this.#wants(trail)) return false;
    // The task was not heard of, or not drawn from yet: isolates ask about their tasks every few seconds.
    if (seen.length > 0 && (detail === null || detail.evidence.drawn === 0)) await delay(UNHEARD_MS);
    seen.push(...(await Promise.all(Array.from({ length: AT_ONCE }, () => this.#call(trail.task)))));
    trail.calledAt = Date.now();
    return true;
  }

  /** Whether its agent has reason to go on: it has not had its calls, or a certificate is on its way to a promotion. */
  #wants({ seen, promotedAfter, detail }: Trail): boolean {
    if (detail === null || seen.length < this.#least) return true;
    if (promotedAfter !== null) return seen.length < promotedAfter + AFTERWARDS;
    return detail.certification !== null && seen.length < MOST_TIMES * this.#least;
  }

  #isDone(trail: Trail): boolean {
    const { detail } = trail;
    if (detail === null || this.#wants(trail)) return false;
    if (detail.evidence.settled < detail.evidence.drawn) return false;
    return detail.certification !== null || Date.now() - trail.calledAt > LOOKED_AT_MS;
  }

  async #call(task: AgentTask): Promise<Seen> {
    const { body, right } = task.call();
    const response = await this.#gateway.chat(body, {
      headers: { "x-routelet-task": task.name, "x-routelet-session": `run-${++this.#session}` },
    });
    if (!response.ok) throw new Error(`${task.name}: ${response.status} ${await response.text()}`);
    const bySlm = response.headers.get("x-routelet-served-by")?.startsWith("slm/") === true;
    return { bySlm, right: textOf(await response.json()) === right };
  }
}

/** All recorded calls of the default project, by pages. */
export async function allCalls(gateway: TestGateway): Promise<LedgerCall[]> {
  const all: LedgerCall[] = [];
  for (let cursor: string | null = ""; cursor !== null; ) {
    const from = cursor === "" ? "" : `&cursor=${encodeURIComponent(cursor)}`;
    const page = (await gateway.admin(`/api/calls?limit=200${from}`)) as {
      data: LedgerCall[];
      next_cursor: string | null;
    };
    all.push(...page.data);
    cursor = page.next_cursor;
  }
  return all;
}

function lineOf({ task, seen, detail }: Trail): string {
  if (detail === null) return `${task.name}: ${seen.length} calls`;
  const { evidence, mode, conditions } = detail;
  const agreement = evidence.agreement === null ? "-" : evidence.agreement.toFixed(3);
  return `${task.name}: ${seen.length} calls, ${mode}, ${evidence.settled} settled, ${agreement}, ${conditions.stays}`;
}

import type { AttemptRecord } from "../../ledger/records.ts";
import { RecentMap } from "../../recent-map.ts";
import type { ExpectedCost, Standing } from "../../routing/quality/expected-cost.ts";
import { acceptedKey, type QualityBook } from "../../routing/quality/first-choice.ts";
import { NO_OUTCOMES, type Tally, withOutcome } from "../../routing/quality/tally.ts";

/** After so long an outcome counts for half: a model that failed is tried again after some hours. */
const HALF_LIFE_MS = 3_600_000;
/** Of each kind of entry, in one project. */
const MAX_ENTRIES = 4_096;
const MAX_PROJECTS = 256;
/** The newest observations of a cost count for one in so many. */
const SPAN = 20;

/** Failures of a node's answer that say something of its model; others are the network's or the caller's. */
const NOT_ACCEPTED = new Set(["verification_failed", "first_byte_timeout", "upstream_incomplete"]);

/** What a call is known by: its task, and its tools where it was recognised by them. */
export interface ChoiceCall {
  task: string;
  tools: string | null;
  /** What its turns have in common. */
  conversation: string;
}

interface Observed extends ExpectedCost {
  times: number;
}

class ProjectMemory {
  readonly accepted = new RecentMap<Tally>(MAX_ENTRIES);
  readonly costs = new RecentMap<Observed>(MAX_ENTRIES);
  readonly standings = new RecentMap<Standing>(MAX_ENTRIES);
}

/** How a backend is named here: `slm/<model>` or `llm/<provider>/<model>`. */
export const backendName = ({
  kind,
  backend,
  model,
}: Pick<AttemptRecord, "kind" | "backend" | "model">): string =>
  kind === "node" ? `slm/${model}` : `llm/${backend}/${model}`;

/**
 * What an isolate has seen of calls to `auto`: which small models' answers were accepted, and what those and the references'
 * cost. In memory alone: an isolate that knows nothing asks the node first.
 */
export class ChoiceMemory {
  readonly #projects = new RecentMap<ProjectMemory>(MAX_PROJECTS);

  /** Takes the attempts of a call that has ended. `nodeUsd`: of a token that a node counts. */
  note(options: {
    projectId: string;
    call: ChoiceCall;
    attempts: readonly AttemptRecord[];
    nodeUsd: number;
    /** What a prompt token of this attempt costs uncached and cached, in USD; null where that is unknown. */
    tokenPrices: (attempt: AttemptRecord) => { uncached: number; cached: number } | null;
    at: number;
  }): void {
    const { projectId, call, attempts, nodeUsd, at } = options;
    const memory = this.#of(projectId);
    for (const attempt of attempts) {
      const accepted = attempt.outcome === "done";
      if (!accepted && !(attempt.kind === "node" && NOT_ACCEPTED.has(attempt.errorCode ?? ""))) continue;
      if (attempt.kind === "node") this.#outcome(memory, { call, slm: attempt.model, accepted, at });
      const tokens = (attempt.usage?.inputTokens ?? 0) + (attempt.usage?.outputTokens ?? 0);
      const usd = attempt.kind === "node" ? tokens * nodeUsd : attempt.costUsd;
      if (usd !== null) this.#cost(memory, call.task, attempt, usd);
      if (!accepted) continue;
      const prices = attempt.kind === "node" ? null : options.tokenPrices(attempt);
      memory.standings.set(call.conversation, {
        served: attempt.kind === "node" ? "slm" : "llm",
        cachedTokens: attempt.usage?.cachedInputTokens ?? 0,
        tokenUsd: prices?.uncached ?? 0,
        cachedTokenUsd: prices?.cached ?? 0,
      });
    }
  }

  /** What a call of this task costs there, else any call; null where none was seen. */
  cost(projectId: string, task: string, backend: string): ExpectedCost | null {
    const { costs } = this.#of(projectId);
    return costs.get(`${task}\n${backend}`) ?? costs.get(`\n${backend}`) ?? null;
  }

  /** Who answered the conversation's last turn. */
  standing(projectId: string, conversation: string): Standing | null {
    return this.#of(projectId).standings.get(conversation) ?? null;
  }

  book(projectId: string): Pick<QualityBook, "accepted" | "halfLifeMs"> {
    return { accepted: this.#of(projectId).accepted, halfLifeMs: HALF_LIFE_MS };
  }

  #of(projectId: string): ProjectMemory {
    const memory = this.#projects.get(projectId) ?? new ProjectMemory();
    this.#projects.set(projectId, memory);
    return memory;
  }

  #outcome(
    { accepted: tallies }: ProjectMemory,
    options: { call: ChoiceCall; slm: string; accepted: boolean; at: number },
  ): void {
    const { call, slm, accepted, at } = options;
    const keys = [
      acceptedKey(slm, { task: call.task }),
      acceptedKey(slm, "all"),
      ...(call.tools === null ? [] : [acceptedKey(slm, { tools: call.tools })]),
    ];
    for (const key of keys) {
      const outcome = { good: accepted ? 1 : 0, at, halfLifeMs: HALF_LIFE_MS };
      tallies.set(key, withOutcome(tallies.get(key) ?? NO_OUTCOMES, outcome));
    }
  }

  #cost({ costs }: ProjectMemory, task: string, attempt: AttemptRecord, usd: number): void {
    for (const key of [`${task}\n${backendName(attempt)}`, `\n${backendName(attempt)}`]) {
      const before = costs.get(key) ?? { usd: 0, latencyMs: 0, times: 0 };
      const times = Math.min(SPAN, before.times + 1);
      costs.set(key, {
        usd: before.usd + (usd - before.usd) / times,
        latencyMs: before.latencyMs + (attempt.latencyMs - before.latencyMs) / times,
        times,
      });
    }
  }
}

/** This isolate's. */
export const choiceMemory = new ChoiceMemory();

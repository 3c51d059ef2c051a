import { createByteLog } from "../byte-log.ts";
import type { Env } from "../env.ts";
import type { RouteletError } from "../errors.ts";
import { newCallId } from "../ledger/call-id.ts";
import { finishCall, startCall } from "../ledger/client.ts";
import type { OpenContent } from "../ledger/finish-queue.ts";
import type { AttemptRecord, CallFinish, CallStart, Outcome } from "../ledger/records.ts";
import { withTimeout } from "../ledger/with-timeout.ts";
import type { Caller } from "../security/caller.ts";
import type { Settings } from "../settings.ts";
import type { AttemptLog } from "./attempt-log.ts";
import { type Body, keptContent } from "./kept-content.ts";

/** A ledger that hangs must not hold up the calls; its record is then sent again with the finish. */
const START_TIMEOUT_MS = 5_000;

/** What is known of a call when its record begins. */
export interface CallFacts {
  endpoint: string;
  requestedModel: string;
  route: string | null;
  task: string | null;
  session: string | null;
  stream: boolean;
}

export interface CallRecord {
  readonly id: string;
  /** The call is `local-only`: its content is not stored, whatever the settings say. */
  keepNoContent(): void;
  /** Sends the start record; called together with the dispatch, and once: later calls do nothing. */
  start(facts: CallFacts): void;
  /** Resolves once the start record is durable, or the ledger has failed to say so in time; awaited before the first byte. */
  durable(): Promise<void>;
  /** Keeps a copy of what is released, up to the limit of the settings. */
  copyResponse(bytes: Uint8Array): void;
  /** The copy so far. */
  responseCopy(): Uint8Array;
  /** Sends the finish record; once, later calls do nothing. */
  finish(end: {
    /** Milliseconds since the epoch. */
    endedAt: number;
    outcome: Outcome;
    status: number;
    reason: string;
    servedBy: string | null;
    error: RouteletError | null;
    /** The reply came from the cache: it cost nothing. */
    cached?: boolean;
    attempts: readonly AttemptLog[];
    request: Uint8Array | null;
  }): void;
}

/** The attempt that answered, else the last one: a hedged call's loser may have begun after its winner. */
function answering(attempts: readonly AttemptLog[]): AttemptRecord | undefined {
  return (attempts.findLast((attempt) => attempt.record().outcome === "done") ?? attempts.at(-1))?.record();
}

/** No more than it says: the rest must not be held for as long as this waits. */
function cut(bytes: Uint8Array, limit: number): Uint8Array {
  return bytes.length > limit ? bytes.slice(0, limit) : bytes;
}

/** What the call cost: all its attempts, the failed ones included; null when any part of it is unknown. */
function sumCost(attempts: readonly AttemptLog[]): number | null {
  let sum: number | null = null;
  for (const attempt of attempts) {
    const { costUsd, usage, kind } = attempt.record();
    if (kind === "cloud" && usage !== null && costUsd === null) return null;
    if (costUsd !== null) sum = (sum ?? 0) + costUsd;
  }
  return sum;
}

/**
 * Opens a call's record: one start, one finish, whatever happens in between.
 * Content is copied only where the project's settings keep it; nothing is sent where they switch the ledger off.
 */
export function openCallRecord(options: {
  env: Env;
  /** Of a call that has one already. */
  id?: string;
  caller: Caller;
  settings: Settings;
  traceId: string | null;
  startedAt: number;
  waitUntil: (work: Promise<unknown>) => void;
}): CallRecord {
  const { env, caller, settings } = options;
  const id = options.id ?? newCallId({ now: options.startedAt, env });
  let keep = settings.content.store === "encrypted" ? settings.content.maxBytes : 0;
  const response = createByteLog(keep);
  let responseBytes = 0;
  let started: CallStart | null = null;
  let startFailed = false;
  let sending: Promise<void> | null = null;
  let finished = false;

  /** The log must not stop the traffic: the record is sent again together with the finish. */
  function startLost(cause: unknown): void {
    sending = null;
    startFailed = true;
    console.error(JSON.stringify({ event: "ledger_start_failed", call: id, cause: String(cause) }));
  }

  function content(request: Uint8Array | null, outcome: Outcome): OpenContent | undefined {
    const bodies: Body[] = [];
    if (keep > 0 && request !== null) {
      const whole = request.length <= keep;
      bodies.push({ part: "request", bytes: cut(request, keep), originalBytes: request.length, whole });
    }
    if (keep > 0 && responseBytes > 0) {
      const whole = responseBytes <= keep && outcome === "done";
      bodies.push({ part: "response", bytes: response.bytes(), originalBytes: responseBytes, whole });
    }
    const { projectId } = caller;
    return keptContent({ env, callId: id, projectId, bodies, redact: settings.content.redact, most: keep });
  }

  return {
    id,
    keepNoContent() {
      keep = 0;
    },
    start(facts) {
      if (started !== null) return;
      started = {
        id,
        projectId: caller.projectId,
        keyId: caller.keyId,
        startedAt: options.startedAt,
        traceId: options.traceId,
        ...facts,
      };
      if (!settings.ledger.record) return;
      sending = startCall({ env, record: started, waitUntil: options.waitUntil }).then(() => {
        sending = null;
      }, startLost);
    },
    async durable() {
      if (sending === null) return;
      await withTimeout({ promise: sending, ms: START_TIMEOUT_MS }).catch(startLost);
    },
    copyResponse(bytes) {
      responseBytes += bytes.length;
      response.add(bytes);
    },
    responseCopy: () => response.bytes(),
    finish(end) {
      if (finished || started === null) return;
      finished = true;
      if (!settings.ledger.record) return;
      const { endedAt } = end;
      const last = answering(end.attempts);
      const record: CallFinish = {
        id,
        endedAt,
        outcome: end.outcome,
        status: end.status,
        servedBy: end.servedBy,
        reason: end.reason,
        errorCode: end.error?.code ?? null,
        latencyMs: endedAt - options.startedAt,
        firstByteMs:
          last === undefined || last.firstByteMs === null
            ? null
            : last.startedAt + last.firstByteMs - options.startedAt,
        usage: last?.usage ?? null,
        costUsd: end.cached ? 0 : sumCost(end.attempts),
        attempts: end.attempts.map((attempt) => attempt.record()),
        bodies: [],
      };
      finishCall({
        env,
        record,
        start: startFailed ? started : undefined,
        content: content(end.request, end.outcome),
        waitUntil: options.waitUntil,
      });
    },
  };
}

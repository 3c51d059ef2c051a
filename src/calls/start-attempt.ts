import { healthKey, noteOutcome } from "../backends/health.ts";
import type { WireDialect } from "../dialects/call.ts";
import { type RouteletError, toRouteletError } from "../errors.ts";
import { beginOnNode } from "../fleet/in-flight.ts";
import { noteSilence } from "../fleet/silent-nodes.ts";
import type { PlannedAttempt } from "../routing/plan.ts";
import { startAttemptClock } from "./attempt-clock.ts";
import { AttemptFailed } from "./attempt-failed.ts";
import { type AttemptLog, openAttemptLog } from "./attempt-log.ts";
import { type AttemptInput, type ReadyReply, tryBackend } from "./try-backend.ts";

export interface StartedInput extends AttemptInput {
  /** The client's own signal. */
  left: AbortSignal;
}

/** `gen_ai.operation.name` of the dialects that are not chat (OpenTelemetry GenAI conventions). */
const OPERATIONS: Partial<Record<WireDialect, string>> = {
  "openai-completions": "text_completion",
  "openai-embeddings": "embeddings",
};

/** A backend that was silent for less than this, in milliseconds, may only be slow. */
const LEAST_SILENCE_MS = 5_000;

/** An attempt under way. */
export interface StartedAttempt {
  /** What it has to release; rejects with `AttemptFailed`, which has been recorded. */
  ready: Promise<ReadyReply>;
  /** Ends it, whatever it has come to. */
  giveUp(reason: RouteletError): void;
}

/** Starts one attempt, with its clocks and its record. `logs` receives it at once. */
export function startAttempt(options: {
  input: StartedInput;
  planned: PlannedAttempt;
  logs: AttemptLog[];
  firstByteMs: number;
}): StartedAttempt {
  const { input, planned, logs, firstByteMs } = options;
  const { client, call, trace, now, settings } = input;
  const log = openAttemptLog({
    seq: logs.length + 1,
    planned,
    operation: OPERATIONS[call.dialect] ?? "chat",
    stream: call.stream,
    said: (reply) => ({
      input: client.traceInput(call),
      output: client.traceOutput(reply, call.stream),
    }),
    trace,
    prices: settings.prices,
    now,
  });
  logs.push(log);
  if (planned.kind === "node") log.onEnd(beginOnNode(planned.nodeId));
  const clock = startAttemptClock({
    client: input.left,
    headersMs: planned.kind === "cloud" && call.stream ? settings.deadlines.headersMs : null,
    firstByteMs,
    idleMs: settings.deadlines.idleMs,
    totalEndsAt: input.totalEndsAt,
    now,
  });
  const startedAt = now();
  const note = (error: RouteletError | null) => {
    // A call with a short deadline of its own must not make a backend broken for the others.
    if (error?.kind === "deadline" && now() - startedAt < LEAST_SILENCE_MS) return;
    const backend = healthKey(planned, input.projectId);
    noteOutcome({ backend, error, at: now(), policy: settings.breaker });
  };

  async function run(): Promise<ReadyReply> {
    try {
      const ready = await tryBackend(input, planned, log, clock);
      note(null);
      return ready;
    } catch (thrown) {
      clock.stop();
      const failed = thrown instanceof AttemptFailed ? thrown : new AttemptFailed(toRouteletError(thrown));
      log.fail(failed.error, failed.refusal?.status ?? null);
      note(failed.error);
      if (planned.kind === "node" && failed.error.code === "first_byte_timeout")
        noteSilence({ nodeId: planned.nodeId, now: now() });
      throw failed;
    }
  }

  const ready = run();
  return {
    ready,
    giveUp(reason) {
      clock.giveUp(reason);
      // It may have come to something in the meantime, which nobody will read.
      ready.then(
        ({ content }) => {
          if ("rest" in content) content.rest.cancel(reason).catch(() => undefined);
          clock.stop();
          log.fail(reason, null);
        },
        () => undefined,
      );
    },
  };
}

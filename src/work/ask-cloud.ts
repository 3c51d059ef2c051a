import { callCloud } from "../backends/call-cloud.ts";
import { outboundFetch } from "../backends/outbound.ts";
import { planCall } from "../calls/plan-call.ts";
import { answerOf } from "../calls/verifiable.ts";
import type { Call } from "../dialects/call.ts";
import type { ModelRequest } from "../dialects/model-request.ts";
import { backendDialect } from "../dialects/registry.ts";
import type { Env } from "../env.ts";
import { toRouteletError } from "../errors.ts";
import { costUsd } from "../ledger/pricing.ts";
import type { SlmAnswer } from "../routing/verify/answer.ts";
import type { Settings } from "../settings.ts";

/** What a cloud model said behind somebody's back, and what asking it cost in US dollars; null for unknown. */
export type CloudAnswer =
  | {
      answer: SlmAnswer;
      costUsd: number | null;
      tokens: { input: number; cached: number; output: number } | null;
    }
  | { failed: string; retry: boolean };

/** How a background call asks: the settings in force, the clock, what keeps its work alive. */
export interface AskOptions {
  env: Env;
  projectId: string;
  settings: Settings;
  now: () => number;
  waitUntil: (work: Promise<unknown>) => void;
}

const ENCODER = new TextEncoder();

/**
 * Asks one cloud model, whole; the first of the plan alone. Never throws. `mayLeave`: false for content that stays on
 * nodes, which is refused where content leaves.
 */
export async function askCloud(
  options: AskOptions & {
    call: Call;
    request: ModelRequest;
    /** Null: the project's default. */
    model: string | null;
    keyId: string;
    mayLeave: boolean;
    deadlineMs: number;
  },
): Promise<CloudAnswer> {
  const { env, projectId, settings, now, call, request } = options;
  const signal = AbortSignal.timeout(options.deadlineMs);
  try {
    const plan = await planCall({
      env,
      call,
      target: { kind: "llm", reference: options.model },
      caller: { projectId, keyId: options.keyId, returnRequestedModel: false, audience: "agent" },
      settings,
      session: null,
      clientHeaders: new Headers(),
      now: now(),
      waitUntil: options.waitUntil,
    });
    const [planned] = plan.attempts;
    const dialect = planned === undefined ? null : backendDialect(planned.speaks);
    if (planned?.kind !== "cloud" || dialect === null) return { failed: "no_cloud_model", retry: false };
    const body = dialect.renderRequest(request, { model: planned.model, stream: false });
    const reply = await callCloud({
      ...planned,
      env,
      dialect: planned.speaks,
      body: ENCODER.encode(body) as Uint8Array<ArrayBuffer>,
      clientHeaders: new Headers(),
      mayLeave: options.mayLeave,
      signal,
      fetch: outboundFetch(env),
      account: {
        projectId,
        providers: settings.providers,
        passProviderKey: false,
        conversation: null,
        random: Math.random,
        now,
      },
    });
    const whole = await reply.whole();
    if (reply.status >= 400) {
      const retry = reply.status === 429 || reply.status >= 500;
      return { failed: `status_${reply.status}`, retry };
    }
    const { choices, usage, model } = dialect.readReply(whole, request);
    const [first] = choices;
    if (first === undefined) return { failed: "empty", retry: false };
    const { provider } = planned;
    return {
      answer: answerOf(first),
      tokens:
        usage === null
          ? null
          : { input: usage.inputTokens, cached: usage.cachedInputTokens, output: usage.outputTokens },
      costUsd:
        usage === null
          ? null
          : costUsd({
              provider,
              model: model ?? planned.model,
              usage,
              at: now(),
              prices: settings.prices,
              asked: planned.model,
            }),
    };
  } catch (thrown) {
    if (signal.aborted) return { failed: "timed_out", retry: true };
    const { code, retryable } = toRouteletError(thrown);
    return { failed: code, retry: retryable };
  }
}

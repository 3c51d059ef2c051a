import { callCloud } from "../backends/call-cloud.ts";
import { outboundFetch } from "../backends/outbound.ts";
import { planCall } from "../calls/plan-call.ts";
import { answerOf } from "../calls/verifiable.ts";
import { backendDialect } from "../dialects/registry.ts";
import type { Env } from "../env.ts";
import { toRouteletError } from "../errors.ts";
import { costUsd } from "../ledger/pricing.ts";
import type { SlmAnswer } from "../routing/verify/answer.ts";
import type { Settings } from "../settings.ts";
import type { RecordedCall } from "./recorded-call.ts";

/** What the reference says to a call that a small model has answered, and what asking it cost; null for unknown. */
export type ReferenceReply =
  | {
      answer: SlmAnswer;
      costUsd: number | null;
      tokens: { input: number; cached: number; output: number } | null;
    }
  | { failed: string; retry: boolean };

const DEADLINE_MS = 300_000;
const ENCODER = new TextEncoder();

/** Asks the model that the caller named, whole, whatever the small model's answer was. Never throws. */
export async function askReference(options: {
  env: Env;
  recorded: RecordedCall;
  settings: Settings;
  now: () => number;
  waitUntil: (work: Promise<unknown>) => void;
}): Promise<ReferenceReply> {
  const { env, recorded, settings, now } = options;
  const { row, call, request } = recorded;
  const { projectId, keyId } = row;
  try {
    const named = row.requestedModel === "auto" ? null : row.requestedModel;
    const plan = await planCall({
      env,
      call,
      target: { kind: "llm", reference: named },
      caller: { projectId, keyId, returnRequestedModel: false, audience: "agent" },
      settings,
      session: null,
      clientHeaders: new Headers(),
      now: now(),
      waitUntil: options.waitUntil,
    });
    const [planned] = plan.attempts;
    const dialect = planned === undefined ? null : backendDialect(planned.speaks);
    if (planned?.kind !== "cloud" || dialect === null) return { failed: "no_reference", retry: false };
    const body = dialect.renderRequest(request, { model: planned.model, stream: false });
    const reply = await callCloud({
      ...planned,
      env,
      dialect: planned.speaks,
      body: ENCODER.encode(body) as Uint8Array<ArrayBuffer>,
      clientHeaders: new Headers(),
      mayLeave: row.route !== "local-only" && row.route !== "slm",
      signal: AbortSignal.timeout(DEADLINE_MS),
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
    const { code, retryable } = toRouteletError(thrown);
    return { failed: code, retry: retryable };
  }
}

import { z } from "zod";
import type { CallTimes } from "./spans.ts";

const known = z.number().nonnegative().nullable();

/** What remains of a call that has ended: numbers and names, never its content. Null: not known, or did not happen. */
export const callRecordSchema = z.object({
  /** Empty where the call named none that is served: then it is any text of the caller's. */
  model: z.string(),
  priority: z.enum(["interactive", "job"]),
  /** `ok`, or the code of its error. */
  outcome: z.string(),
  queueMs: z.number(),
  /** From its receipt. */
  firstTokenMs: known,
  durationMs: z.number(),
  promptTokens: known,
  /** Of the prompt, those that a slot still had. */
  reusedTokens: known,
  completionTokens: known,
  /** While it wrote: of the tokens behind the first. */
  tokensPerSecond: known,
  energyJoules: known,
});
export type CallRecord = z.infer<typeof callRecordSchema>;

/** @param call one that has ended */
export function recordOf(call: CallTimes): CallRecord {
  const { phases, engineStartUs } = call;
  const durationUs = call.endUs ?? 0;
  const { firstTokenUs, endUs = durationUs - (engineStartUs ?? 0), completionTokens } = phases;
  const writingUs = firstTokenUs === undefined ? 0 : endUs - firstTokenUs;
  const outcome = call.error?.code ?? "ok";
  return {
    model: outcome === "model_not_found" ? "" : call.model,
    priority: call.priority,
    outcome,
    queueMs: (engineStartUs ?? durationUs) / 1000,
    firstTokenMs:
      firstTokenUs === undefined || engineStartUs === undefined
        ? null
        : (engineStartUs + firstTokenUs) / 1000,
    durationMs: durationUs / 1000,
    promptTokens: phases.promptTokens ?? null,
    reusedTokens: phases.reusedTokens ?? null,
    completionTokens: completionTokens ?? null,
    tokensPerSecond:
      completionTokens !== undefined && completionTokens > 1 && writingUs > 0
        ? ((completionTokens - 1) * 1e6) / writingUs
        : null,
    energyJoules: call.energyJoules ?? null,
  };
}

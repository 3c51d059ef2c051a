import type { Asked, SlmAnswer } from "../answer.ts";
import { callCount } from "./call-count.ts";
import { grounding } from "./grounding.ts";
import { languageMismatch } from "./language.ts";
import { soundsLikeRefusal } from "./refusal.ts";
import { repetition } from "./repetition.ts";
import { tokenConfidence } from "./token-confidence.ts";
import { toolFit } from "./tool-fit.ts";

/** What an answer shows beside its form, in a fixed order: a calibration that was learned goes by it. New ones come last. */
export const FEATURES = [
  /** Calls of tools, those that repeat another word for word, and how many things the request seems to ask for. */
  "calls",
  "repeated_calls",
  "asked_for",
  /** Share of the argument values that the context has: of the worst value, and on average. */
  "grounded_least",
  "grounded_mean",
  /** Share of the request's words that are the called tool's, and of the tool's name in the request; of the best tool offered. */
  "fit_called",
  "fit_called_name",
  "fit_best",
  /** Share of repeated groups of words. */
  "repetition",
  /** 1: another language than the request's. */
  "language_mismatch",
  /** 1: begins like a refusal, or is one by its dialect. */
  "refusal",
  /** Log-probability of value tokens: on average, the least, and the least distance to the runner-up. */
  "logprob_mean",
  "logprob_least",
  "logprob_margin",
  /** Characters of text. */
  "text_length",
] as const;
export type FeatureName = (typeof FEATURES)[number];

/** Null where an answer does not tell: no tokens, no calls, too little text. */
export type Features = Record<FeatureName, number | null>;

/** Measures an answer; none of it is a veto. */
export function featuresOf(asked: Asked, answer: SlmAnswer): Features {
  const structured = answer.calls.length > 0 || asked.format !== null;
  const count = callCount(asked, answer);
  const grounded = grounding(asked, answer);
  const fit = toolFit(asked, answer);
  const confidence = tokenConfidence(answer.tokens, structured ? "json" : "prose");
  const prose = asked.format === null ? answer.text : "";
  return {
    calls: count.calls,
    repeated_calls: count.repeated,
    asked_for: count.asked,
    grounded_least: grounded.values === 0 ? null : grounded.least,
    grounded_mean: grounded.values === 0 ? null : grounded.mean,
    fit_called: fit.called,
    fit_called_name: fit.calledName,
    fit_best: asked.tools.length === 0 ? null : fit.best,
    repetition: repetition(answer.text),
    language_mismatch: languageMismatch(asked.request, prose),
    refusal: answer.refusal !== null || answer.finish === "refused" || soundsLikeRefusal(prose) ? 1 : 0,
    logprob_mean: confidence?.mean ?? null,
    logprob_least: confidence?.least ?? null,
    logprob_margin: confidence?.margin ?? null,
    text_length: answer.text.length,
  };
}

/** Why a call is in no data set; stable, since it is counted and shown. In words, as the rest of "12 …". */
export const LEFT_OUT = {
  human: "were made for people (`audience: human`), whose calls are never collected",
  running: "had not ended yet",
  unknown_call: "were gone from the log",
  no_content: "have no stored content (`content.store` is off, or they were `local-only`)",
  cut: "are longer than what is kept of a body (`content.max_bytes`)",
  unreadable: "cannot be read (the gateway's log has the error)",
  no_internal_form: "use what only the provider of their dialect knows",
  other_side: "are on the other side of the split",
  cancelled: "were cancelled by their client",
  failed: "failed",
  no_answer: "have no answer that can be read",
  stand_in: "were answered by a small model in the place of the one that was asked for",
  disliked: "were disliked",
  invalid_correction: "have a correction that is no valid answer",
  invalid_answer: "have an answer that breaks what was asked for",
  other_schema: "offer other tools, or ask for another form, than the task's newest calls",
  not_in_format: "hold what the fine-tuning format has no place for (sound, files)",
  near_duplicate: "say nearly the same as another one",
  untreated:
    "hold what no private values can be taken out of (pictures), or do not fit their tools once these are taken out",
  too_large: "are too large to be kept",
} as const;

export type LeftOut = keyof typeof LEFT_OUT;

export const LEFT_OUT_REASONS = Object.keys(LEFT_OUT) as [LeftOut, ...LeftOut[]];

/** What became of the calls, the most frequent reason first: for a data set in which nothing is left. */
export function explain(counts: Partial<Record<LeftOut, number>>): string {
  const found = LEFT_OUT_REASONS.map((reason) => ({ reason, count: counts[reason] ?? 0 }))
    .filter(({ count }) => count > 0)
    .sort((a, b) => b.count - a.count);
  return found.map(({ reason, count }) => `${count} ${LEFT_OUT[reason]}`).join("; ");
}

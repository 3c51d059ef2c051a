import type { LeftOut } from "../conversion/curation/left-out.ts";

/** What went into a data set, and what did not. */
export interface Counts {
  /** Calls that the filter matched, or lines of a file. */
  lookedAt: number;
  items: number;
  /** Of the items: those whose answer is what somebody said would have been right. */
  corrected: number;
  /** Of the items: those in which surrogates stand for private values. */
  replaced: number;
  /** Of the items: those that must stay on the owner's machines. */
  nodesOnly: number;
  /** Of the items: those that the fine-tuning format has no place for, or that have no answer. */
  notExportable: number;
  /** Calls that are not in it, by the first reason. */
  leftOut: Partial<Record<LeftOut, number>>;
}

export const NO_COUNTS: Counts = {
  lookedAt: 0,
  items: 0,
  corrected: 0,
  replaced: 0,
  nodesOnly: 0,
  notExportable: 0,
  leftOut: {},
};

/** One more item. */
export function kept(
  counts: Counts,
  item: { corrected: boolean; replaced: boolean; nodesOnly: boolean; exportable: boolean },
): Counts {
  return {
    ...counts,
    lookedAt: counts.lookedAt + 1,
    items: counts.items + 1,
    corrected: counts.corrected + Number(item.corrected),
    replaced: counts.replaced + Number(item.replaced),
    nodesOnly: counts.nodesOnly + Number(item.nodesOnly),
    notExportable: counts.notExportable + Number(!item.exportable),
  };
}

/** One more that is left out. */
export function omitted(counts: Counts, reason: LeftOut): Counts {
  const { lookedAt, leftOut } = counts;
  return {
    ...counts,
    lookedAt: lookedAt + 1,
    leftOut: { ...leftOut, [reason]: (leftOut[reason] ?? 0) + 1 },
  };
}

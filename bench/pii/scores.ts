import type { PrivateKind } from "../../src/conversion/privacy/span.ts";
import { rounded } from "../lib/stats.ts";

/** What was found of a kind, what was not, and what was taken for it. */
interface Counts {
  found: number;
  missed: number;
  wrong: number;
}

/** Counts by kind, over all settings in which a kind was looked for. */
export class Scores {
  readonly #counts = new Map<string, Counts>();

  #of(kind: string): Counts {
    const counts = this.#counts.get(kind) ?? { found: 0, missed: 0, wrong: 0 };
    this.#counts.set(kind, counts);
    return counts;
  }

  labelled(kind: string, isFound: boolean): void {
    this.#of(kind)[isFound ? "found" : "missed"] += 1;
  }

  wrong(kind: string): void {
    this.#of(kind).wrong += 1;
  }

  recall(kinds: readonly string[]): number {
    const { found, missed } = this.#sum(kinds);
    return rounded(found / (found + missed));
  }

  precision(kinds: readonly string[]): number {
    const { found, wrong } = this.#sum(kinds);
    return rounded(found / (found + wrong));
  }

  count(kinds: readonly string[]): number {
    const { found, missed } = this.#sum(kinds);
    return found + missed;
  }

  #sum(kinds: readonly string[]): Counts {
    const all = kinds.map((kind) => this.#of(kind));
    const sum = (part: keyof Counts): number => all.reduce((total, counts) => total + counts[part], 0);
    return { found: sum("found"), missed: sum("missed"), wrong: sum("wrong") };
  }
}

/** Kinds that have a form or a check of their own; telephone numbers are reported alone. */
export const PATTERNED: readonly PrivateKind[] = ["card", "iban", "email", "ip", "ssn", "url", "secret"];

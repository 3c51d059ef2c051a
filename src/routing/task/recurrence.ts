import { wordsOfUnit } from "./skeleton.ts";

/** Entries that are kept when the table is full: the ones seen last. */
const CAPACITY = 1 << 16;

/** In new skeletons: a unit that was seen in one alone counts half as much after so many more. */
const HALF_LIFE = 50;

/** After so many half-lives nothing is left of it. */
const FADED = 8;

interface Seen {
  unit: number;
  /** In how many distinct skeletons. */
  skeletons: number;
  /** Number of the skeleton that had it last. */
  last: number;
}

/**
 * In how many distinct skeletons each unit has been seen. What a framework wrote comes again; what it pasted does not.
 * Memory is bounded: of more than 65,536 units those that were not seen for longest are forgotten.
 */
export class Recurrence {
  #units = new Map<number, Seen>();
  #skeletons = 0;

  /** Counts the units of a skeleton that was not seen before. */
  see(units: Iterable<number>): void {
    this.#skeletons++;
    for (const unit of units) {
      const seen = this.#units.get(unit);
      if (seen === undefined) this.#units.set(unit, { unit, skeletons: 1, last: this.#skeletons });
      else {
        seen.skeletons++;
        seen.last = this.#skeletons;
      }
    }
    if (this.#units.size > 2 * CAPACITY) this.#forget();
  }

  /**
   * How much it says that two prompts share a unit: more where it is long and where few have it (the square of the
   * logarithm, as in the product of TF-IDF vectors); less where two alone have it, for that may be chance. A unit that never came again fades: it was pasted. With `flat` rarity does not
   * count.
   */
  weight(unit: number, flat = false): number {
    const seen = this.#units.get(unit);
    if (seen === undefined) return 0;
    const rarity = flat ? 1 : Math.log(1 + this.#skeletons / seen.skeletons) ** 2;
    const weight = wordsOfUnit(unit) * rarity;
    return seen.skeletons > 1
      ? weight * (1 - 1 / seen.skeletons)
      : 0.5 * weight * 2 ** ((seen.last - this.#skeletons) / HALF_LIFE);
  }

  #forget(): void {
    const kept = [...this.#units.values()].sort((a, b) => b.last - a.last).slice(0, CAPACITY);
    this.#units = new Map(kept.map((seen) => [seen.unit, seen]));
  }

  /** What still counts, as numbers: unit, skeletons and last, over and over, after the number of skeletons. */
  toNumbers(): number[] {
    const oldest = this.#skeletons - FADED * HALF_LIFE;
    const counting = [...this.#units.values()].filter(
      ({ skeletons, last }) => skeletons > 1 || last > oldest,
    );
    return [this.#skeletons, ...counting.flatMap(({ unit, skeletons, last }) => [unit, skeletons, last])];
  }

  static fromNumbers([skeletons = 0, ...entries]: readonly number[]): Recurrence {
    const table = new Recurrence();
    table.#skeletons = skeletons;
    for (let at = 0; at + 2 < entries.length; at += 3) {
      const [unit = 0, count = 0, last = 0] = entries.slice(at, at + 3);
      table.#units.set(unit, { unit, skeletons: count, last });
    }
    return table;
  }
}

import { EMPTY, type Gbnf, isNever, literal, NEVER, optional, repeat, seq } from "../gbnf.ts";
import { COMMA } from "../json-text.ts";
import type { Conjunction } from "./alternatives.ts";
import type { Container } from "./ambiguity.ts";
import type { Compiler } from "./compile.ts";
import type { Schema } from "./schema.ts";
import { countsOf } from "./string.ts";

/** The arrays of a conjunction. `uniqueItems`, `contains` and `unevaluatedItems` are left to validation. */
export function arrayBody(compiler: Compiler, conjunction: Conjunction, container: Container): Gbnf {
  const { min, max } = countsOf(conjunction, compiler.document, "minItems", "maxItems");
  const listed = Math.max(0, ...conjunction.map(({ prefixItems }) => prefixItems?.length ?? 0));
  const at = (index: number): Gbnf => {
    const value = compiler.valueOf(
      conjunction.flatMap(({ prefixItems, items }): Schema[] => {
        const schema = prefixItems?.[index] ?? items;
        return schema === undefined ? [] : [schema];
      }),
    );
    container.places.push(value);
    return value.body;
  };
  const first = Array.from({ length: Math.min(listed, max ?? listed) }, (_, index) => at(index));
  const rest = max !== null && max <= listed ? EMPTY : compiler.share("i", at(listed));
  return seq(literal("["), itemsFrom(compiler, 0, { first, rest, min, max }), literal("]"));
}

interface Items {
  first: readonly Gbnf[];
  rest: Gbnf;
  min: number;
  max: number | null;
}

/** What follows `index` items. */
function itemsFrom(compiler: Compiler, index: number, items: Items): Gbnf {
  const { first, rest, min, max } = items;
  if (max !== null && index >= max) return index < min ? NEVER : EMPTY;
  const item = first[index];
  if (item !== undefined) {
    const here = seq(index === 0 ? EMPTY : COMMA, item, itemsFrom(compiler, index + 1, items));
    if (index < min) return here;
    // llama.cpp reads brackets inside each other by recursion: each optional rest has a rule of its own.
    return isNever(here) ? EMPTY : optional(compiler.share("i", here));
  }
  const left = max === null ? null : max - index;
  const more = seq(COMMA, rest);
  if (index > 0) return repeat(more, Math.max(0, min - index), left);
  const all = seq(rest, repeat(more, Math.max(0, min - 1), left === null ? null : left - 1));
  return min === 0 ? optional(all) : all;
}

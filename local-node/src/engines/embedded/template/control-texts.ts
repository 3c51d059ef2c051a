/** Puts `mark` into texts of callers wherever the tokenizer could otherwise read a control token there. */
export type Guard = (text: string, mark: string) => string;

/** What may stand behind text in a template's source where an expression goes on with it. */
const EXPRESSION_BEGINS = /["'{]/g;

/**
 * A prompt is tokenized with control tokens on, since the template writes them. What a caller wrote must not
 * become one: the guard marks a place inside each such text, the rendered prompt is cut there, and the parts
 * are tokenized apart. All else of a text stays as it is, so that templates can trim, compare and escape it.
 *
 * A control token could also come together from several strings: a text that ends with the beginning of one is
 * cut at its end, and where the template itself writes such a beginning in front of an expression, the text that
 * completes it is cut at its start.
 */
export function createGuard(options: { controlTexts: readonly string[]; templateSource: string }): Guard {
  // One character cannot be cut.
  const controls = [...new Set(options.controlTexts)].filter((text) => [...text].length > 1);
  if (controls.length === 0) return (text) => text;
  const longest = Math.max(...controls.map((text) => text.length));
  const beginnings = new Set(controls.flatMap(properPrefixes));
  const inside = anyOf(controls);
  const completions = findCompletions(options.templateSource, { controls, beginnings, longest });

  return (text, mark) => {
    if (text === "") return "";
    let guarded = completions.some((rest) => text.startsWith(rest) || rest.startsWith(text)) ? mark : "";
    let from = 0;
    inside.lastIndex = 0;
    for (let match = inside.exec(text); match !== null; match = inside.exec(text)) {
      const cut = match.index + String.fromCodePoint(text.codePointAt(match.index) ?? 0).length;
      guarded += text.slice(from, cut) + mark;
      from = cut;
      // Control texts may overlap.
      inside.lastIndex = match.index + 1;
    }
    guarded += text.slice(from);
    return endings(text, longest).some((ending) => beginnings.has(ending)) ? guarded + mark : guarded;
  };
}

/** What would complete a control text that the template begins right before an expression, as in `'<|' + role`. */
function findCompletions(
  source: string,
  { controls, beginnings, longest }: { controls: string[]; beginnings: Set<string>; longest: number },
): string[] {
  const begun = new Set(
    [...source.matchAll(EXPRESSION_BEGINS)].flatMap(({ index }) =>
      endings(source.slice(0, index), longest).filter((ending) => beginnings.has(ending)),
    ),
  );
  return [...begun].flatMap((beginning) =>
    controls.filter((text) => text.startsWith(beginning)).map((text) => text.slice(beginning.length)),
  );
}

function properPrefixes(text: string): string[] {
  return Array.from({ length: text.length - 1 }, (_, index) => text.slice(0, index + 1));
}

/** The last 1, 2, … characters of a text, at most `longest`. */
function endings(text: string, longest: number): string[] {
  return Array.from({ length: Math.min(longest, text.length) }, (_, index) =>
    text.slice(text.length - index - 1),
  );
}

function anyOf(texts: readonly string[]): RegExp {
  const escaped = [...texts]
    .sort((a, b) => b.length - a.length)
    .map((text) => text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
  return new RegExp(escaped.join("|"), "g");
}

import { type AST, RegExpParser } from "@eslint-community/regexpp";
import { type Automaton, AutomatonTooLarge, both, explore, without } from "./automaton.ts";
import { ANY, type CodePoints, complement, intersect, only, unite } from "./code-points.ts";

/** A pattern that no automaton can decide, or that is no regular expression. The message continues "the pattern …". */
export class UnsupportedPattern extends Error {
  override readonly name = "UnsupportedPattern";
}

/** States before they are made deterministic; bounds the work of nested counts such as `(a{99}){99}`. */
const MAX_STATES = 20_000;

interface State {
  steps: number[];
  /** Steps that may only be taken before the first character, and after the last. */
  atStart: number[];
  atEnd: number[];
  edges: { on: CodePoints; to: number }[];
}

const DIGITS: CodePoints = [[0x30, 0x39]];
const WORD: CodePoints = unite(DIGITS, [[0x41, 0x5a]], only("_"), [[0x61, 0x7a]]);
const LINE_ENDS = only("\n", "\r", "\u2028", "\u2029");
/** ECMA-262, `WhiteSpace` and `LineTerminator`. */
const SPACES = unite(
  [[0x09, 0x0d]],
  only(" ", "\u00a0", "\u1680", "\u202f", "\u205f", "\u3000", "\ufeff"),
  [[0x2000, 0x200a]],
  LINE_ENDS,
);

/**
 * The strings in which an ECMA-262 regular expression finds a match, as `pattern` of JSON Schema means it: unanchored
 * unless it says `^` or `$`. Lookaheads are taken directly after a leading `^`, as in `^(?=.*\d).{8,}$`.
 * Throws `UnsupportedPattern` for backreferences, word boundaries, lookbehinds, other lookaheads, modifiers and bad
 * syntax, `AutomatonTooLarge` for what has too many states.
 */
export function patternAutomaton(source: string): Automaton {
  const pattern = parse(source);
  const [alternative] = pattern.alternatives;
  if (pattern.alternatives.length !== 1 || alternative === undefined) return compile(pattern.alternatives);
  const { elements } = alternative;
  if (!isAnchor(elements[0], "start")) return compile([elements]);
  const looks: AST.LookaheadAssertion[] = [];
  for (const element of elements.slice(1)) {
    if (element.type !== "Assertion" || element.kind !== "lookahead") break;
    looks.push(element);
  }
  const [anchor] = elements;
  const rest = compile([[anchor, ...elements.slice(1 + looks.length)]]);
  return looks.reduce((language, look) => {
    const ahead = compile(look.alternatives.map((option) => [anchor, ...option.elements]));
    return look.negate ? without(language, ahead) : both(language, ahead);
  }, rest);
}

function parse(source: string): AST.Pattern {
  const parser = new RegExpParser();
  try {
    return parser.parsePattern(source, 0, source.length, { unicode: true });
  } catch (cause) {
    try {
      // Escapes such as `\-` outside a class are only allowed without the `u` flag, and common.
      return parser.parsePattern(source, 0, source.length);
    } catch {
      throw new UnsupportedPattern(
        `is no regular expression of ECMA-262 (${cause instanceof Error ? cause.message : String(cause)})`,
      );
    }
  }
}

function isAnchor(
  element: AST.Element | undefined,
  kind: AST.EdgeAssertion["kind"],
): element is AST.EdgeAssertion {
  return element?.type === "Assertion" && element.kind === kind;
}

type Options = readonly (AST.Alternative | readonly AST.Element[])[];

function compile(options: Options): Automaton {
  const states: State[] = [];
  const add = (): number => {
    if (states.length >= MAX_STATES) throw new AutomatonTooLarge();
    states.push({ steps: [], atStart: [], atEnd: [], edges: [] });
    return states.length - 1;
  };
  const at = (index: number): State => states[index] as State;

  const buildOptions = (alternatives: Options, from: number): number => {
    const end = add();
    for (const alternative of alternatives) {
      const elements = "elements" in alternative ? alternative.elements : alternative;
      at(elements.reduce((position, element) => build(element, position), from)).steps.push(end);
    }
    return end;
  };
  const buildRepeat = ({ element, min, max }: AST.Quantifier, from: number): number => {
    let position = from;
    for (let count = 0; count < min; count++) position = build(element, position);
    if (max === Number.POSITIVE_INFINITY) {
      const loop = add();
      at(position).steps.push(loop);
      at(build(element, loop)).steps.push(loop);
      return loop;
    }
    const end = add();
    for (let count = min; count < max; count++) {
      at(position).steps.push(end);
      position = build(element, position);
    }
    at(position).steps.push(end);
    return end;
  };
  const build = (element: AST.Element, from: number): number => {
    switch (element.type) {
      case "Group":
        if (element.modifiers !== null) {
          throw new UnsupportedPattern(`has modifiers (\`${element.modifiers.raw}\`)`);
        }
        return buildOptions(element.alternatives, from);
      case "CapturingGroup":
        return buildOptions(element.alternatives, from);
      case "Quantifier":
        return buildRepeat(element, from);
      case "Assertion": {
        if (element.kind !== "start" && element.kind !== "end") {
          throw new UnsupportedPattern(
            element.kind === "lookahead"
              ? `has a lookahead (\`${element.raw}\`) that does not directly follow a leading \`^\``
              : element.kind === "word"
                ? `has a word boundary (\`${element.raw}\`)`
                : `has a lookbehind (\`${element.raw}\`)`,
          );
        }
        const to = add();
        at(from)[element.kind === "start" ? "atStart" : "atEnd"].push(to);
        return to;
      }
      case "Backreference":
        throw new UnsupportedPattern(`has a backreference (\`${element.raw}\`)`);
      case "ExpressionCharacterClass":
        throw new UnsupportedPattern(`has a set operation (\`${element.raw}\`)`);
      default: {
        const to = add();
        at(from).edges.push({ on: codePointsOf(element), to });
        return to;
      }
    }
  };

  const before = add();
  at(before).edges.push({ on: ANY, to: before });
  const after = buildOptions(options, before);
  const end = add();
  at(after).steps.push(end);
  at(end).edges.push({ on: ANY, to: end });

  const reach = (from: readonly number[], isStart: boolean, isEnd: boolean): Set<number> => {
    const reached = new Set<number>();
    const pending = [...from];
    for (let state = pending.pop(); state !== undefined; state = pending.pop()) {
      if (reached.has(state)) continue;
      reached.add(state);
      const { steps, atStart, atEnd } = at(state);
      pending.push(...steps, ...(isStart ? atStart : []), ...(isEnd ? atEnd : []));
    }
    return reached;
  };
  return explore([before], (members, isStart) => {
    const accepting = reach(members, isStart, true).has(end);
    const reached = reach(members, isStart, false);
    // A match that does not hang on the end stays one, whatever follows.
    if (reached.has(end)) return { accepting, edges: [{ on: ANY, to: [end] }] };
    return {
      accepting,
      edges: [...reached].flatMap((state) => at(state).edges.map(({ on, to }) => ({ on, to: [to] }))),
    };
  });
}

type Class = Exclude<
  AST.Element,
  AST.Assertion | AST.Quantifier | AST.Group | AST.CapturingGroup | AST.Backreference
>;

function codePointsOf(element: Class | AST.CharacterClassElement): CodePoints {
  switch (element.type) {
    case "Character":
      return intersect(ANY, [[element.value, element.value]]);
    case "CharacterClassRange":
      return intersect(ANY, [[element.min.value, element.max.value]]);
    case "CharacterClass": {
      const union = unite(...element.elements.map((member) => codePointsOf(member)));
      return element.negate ? complement(union) : union;
    }
    case "CharacterSet":
      return characterSet(element);
    default:
      throw new UnsupportedPattern(`has \`${element.raw}\`, which is not supported`);
  }
}

function characterSet(set: AST.CharacterSet): CodePoints {
  switch (set.kind) {
    case "any":
      return complement(LINE_ENDS);
    case "digit":
      return set.negate ? complement(DIGITS) : DIGITS;
    case "space":
      return set.negate ? complement(SPACES) : SPACES;
    case "word":
      return set.negate ? complement(WORD) : WORD;
    case "property":
      return unicodeProperty(set.raw);
  }
}

/** Code points that are tried at once. */
const BLOCK = 0x1000;
const properties = new Map<string, CodePoints>();

/** `\p{…}`, from the tables of the JavaScript engine. Few names exist, so that all fit in memory. */
function unicodeProperty(raw: string): CodePoints {
  const known = properties.get(raw);
  if (known !== undefined) return known;
  const runs = new RegExp(`${raw}+`, "gu");
  const ranges: [number, number][] = [];
  for (const [low, high] of ANY) {
    for (let block = low; block <= high; block += BLOCK) {
      const codes = Array.from({ length: Math.min(BLOCK, high + 1 - block) }, (_, index) => block + index);
      for (const { 0: run } of String.fromCodePoint(...codes).matchAll(runs)) {
        const first = run.codePointAt(0) ?? 0;
        ranges.push([first, first + Array.from(run).length - 1]);
      }
    }
  }
  const united = unite(ranges);
  properties.set(raw, united);
  return united;
}

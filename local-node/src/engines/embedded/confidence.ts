import { CONFIDENCE_PREFIX_TOKENS, type Confidence } from "../../../../src/tunnel/protocol/confidence.ts";
import { createJsonValueScanner } from "./json-values.ts";

/** What the model thought of one token that it generated. */
export interface TokenConfidence {
  logprob: number;
  margin: number;
}

/** Gathers the confidence of one choice. */
export interface ChoiceConfidence {
  /** A token, and the text that is whole with it; empty for the end token and inside a character. */
  push(token: TokenConfidence, text: string): void;
  /** What was gathered so far. */
  summary(): ChoiceSummary;
}

export interface ChoiceSummary {
  all: Tally;
  values: Tally;
  prefix: Tally;
  characters: number;
  inJson: number;
}

interface Tally {
  tokens: number;
  logprobs: number;
  minLogprob: number;
  margins: number;
  minMargin: number;
}

/** The share of an answer from which on it counts as JSON. */
const MOSTLY = 0.5;

export function createChoiceConfidence(): ChoiceConfidence {
  const scanner = createJsonValueScanner();
  const summary: ChoiceSummary = {
    all: emptyTally(),
    values: emptyTally(),
    prefix: emptyTally(),
    characters: 0,
    inJson: 0,
  };
  // Tokens whose text is not whole yet count as what the text turns out to be.
  let waiting: TokenConfidence[] = [];
  return {
    push(token, text) {
      add(summary.all, token);
      if (summary.prefix.tokens < CONFIDENCE_PREFIX_TOKENS) add(summary.prefix, token);
      waiting.push(token);
      if (text === "") return;
      const part = scanner.push(text);
      summary.characters += part.characters;
      summary.inJson += part.inJson;
      if (part.inValue) for (const each of waiting) add(summary.values, each);
      waiting = [];
    },
    summary: () => summary,
  };
}

/** The confidence of a whole answer; null where nothing was generated. */
export function toConfidence(choices: readonly ChoiceSummary[]): Confidence | null {
  const sum = (pick: (choice: ChoiceSummary) => number): number =>
    choices.reduce((total, choice) => total + pick(choice), 0);
  const all = merge(choices.map((choice) => choice.all));
  const values = merge(choices.map((choice) => choice.values));
  const prefix = choices[0]?.prefix;
  if (all.tokens === 0 || prefix === undefined || prefix.tokens === 0) return null;
  const isJson =
    values.tokens > 0 && sum((choice) => choice.inJson) >= MOSTLY * sum((choice) => choice.characters);
  return {
    over: isJson ? "values" : "all",
    ...statisticsOf(isJson ? values : all),
    completionTokens: all.tokens,
    prefix: statisticsOf(prefix),
  };
}

function emptyTally(): Tally {
  return {
    tokens: 0,
    logprobs: 0,
    minLogprob: 0,
    margins: 0,
    minMargin: Number.POSITIVE_INFINITY,
  };
}

function add(tally: Tally, { logprob, margin }: TokenConfidence): void {
  tally.tokens++;
  tally.logprobs += logprob;
  tally.minLogprob = Math.min(tally.minLogprob, logprob);
  tally.margins += margin;
  tally.minMargin = Math.min(tally.minMargin, margin);
}

function merge(tallies: readonly Tally[]): Tally {
  return tallies.reduce(
    (sum, tally) => ({
      tokens: sum.tokens + tally.tokens,
      logprobs: sum.logprobs + tally.logprobs,
      minLogprob: Math.min(sum.minLogprob, tally.minLogprob),
      margins: sum.margins + tally.margins,
      minMargin: Math.min(sum.minMargin, tally.minMargin),
    }),
    emptyTally(),
  );
}

function statisticsOf(tally: Tally): Confidence["prefix"] {
  return {
    tokens: tally.tokens,
    meanLogprob: rounded(tally.logprobs / tally.tokens),
    minLogprob: rounded(tally.minLogprob),
    meanMargin: rounded(tally.margins / tally.tokens),
    minMargin: rounded(tally.minMargin),
  };
}

function rounded(value: number): number {
  return Math.round(value * 1e5) / 1e5;
}

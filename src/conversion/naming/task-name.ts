import { isShortWord } from "../../routing/verify/features/language.ts";
import { wordsOf, wordsOfName } from "../../routing/verify/features/words.ts";

/** What of a call says what its task is about. */
export interface Prompt {
  /** The system prompt, else the first user message. */
  lead: string;
  /** Names of the tools that it offers. */
  tools: readonly string[];
}

/** A task's words with how often each prompt says them, in the order in which they are said. */
export type TaskWords = ReadonlyMap<string, number>;

/** A template is known from so many calls on. */
export const NAMED_FROM = 5;

const LEAD_LENGTH = 16_384;
const MIN_LETTERS = 3;
const MAX_WORDS = 64;
const NAME_WORDS = 3;
const MAX_NAME_WORDS = 5;
const MAX_NAME = 80;

/** Every prompt says them, and a project's first task has no other to be told apart from. */
const PROMPT_WORDS = new Set(
  "you your yours user users assistant answer answers reply respond response please only always never must should alone following given each any all one not what which when where how who does into then than their there here today use using message messages text word words".split(
    " ",
  ),
);

function tellingWords(text: string): string[] {
  return wordsOf(text).filter(
    (word) =>
      /^\p{L}+$/u.test(word) &&
      (word.length >= MIN_LETTERS || /\p{Script=Han}/u.test(word)) &&
      !isShortWord(word) &&
      !PROMPT_WORDS.has(word),
  );
}

/** What a task's prompts have in common: words that more than half of them say, never what stands in one call alone. */
export function taskWords(prompts: readonly Prompt[]): TaskWords {
  const all = prompts.map(({ lead, tools }) => [
    ...tellingWords(lead.slice(0, LEAD_LENGTH)),
    ...tools.flatMap((tool) => tellingWords(wordsOfName(tool).join(" "))),
  ]);
  const times = tally(all.flat());
  const inPrompts = tally(all.flatMap((words) => [...new Set(words)]));
  const common = [...times].filter(([word]) => 2 * (inPrompts.get(word) ?? 0) > prompts.length);
  return new Map(common.slice(0, MAX_WORDS).map(([word, count]) => [word, count / prompts.length]));
}

function tally(words: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return counts;
}

const sum = (numbers: Iterable<number>): number => [...numbers].reduce((all, each) => all + each, 0);

/**
 * Names a task by the words that set it apart from the others: those with the highest class-based TF-IDF, tf · log(1 + A / f)
 * with A the mean number of words of a task and f how often all tasks say the word (Grootendorst, BERTopic, 2022), in the order
 * in which the prompt says them. `saidByOthers`: how often the other tasks say a word; `otherSizes`: how many words each has.
 * One of `taken` gets more words. Null where nothing tells.
 */
export function taskName(options: {
  words: TaskWords;
  saidByOthers: (word: string) => number;
  otherSizes: readonly number[];
  taken: ReadonlySet<string>;
}): string | null {
  const { words, saidByOthers, otherSizes, taken } = options;
  if (words.size === 0) return null;
  const own = sum(words.values());
  const mean = (own + sum(otherSizes)) / (otherSizes.length + 1);
  const order = [...words.keys()];
  const ranked = [...words]
    .map(([word, times]) => ({
      word,
      score: (times / own) * Math.log(1 + mean / (times + saidByOthers(word))),
    }))
    .sort((a, b) => b.score - a.score);
  for (let count = NAME_WORDS; count <= MAX_NAME_WORDS; count++) {
    const best = new Set(ranked.slice(0, count).map(({ word }) => word));
    const name = order
      .filter((word) => best.has(word))
      .join(" ")
      .slice(0, MAX_NAME);
    if (!taken.has(name) || count === MAX_NAME_WORDS) return name;
  }
  return null;
}

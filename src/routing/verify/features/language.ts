/** Letters of writing systems; a text is in those that it uses. */
const SCRIPTS: Record<string, RegExp> = {
  latin: /\p{Script=Latin}/gu,
  cyrillic: /\p{Script=Cyrillic}/gu,
  greek: /\p{Script=Greek}/gu,
  arabic: /\p{Script=Arabic}/gu,
  hebrew: /\p{Script=Hebrew}/gu,
  devanagari: /\p{Script=Devanagari}/gu,
  thai: /\p{Script=Thai}/gu,
  hangul: /\p{Script=Hangul}/gu,
  han: /\p{Script=Han}/gu,
  kana: /[\p{Script=Hiragana}\p{Script=Katakana}]/gu,
};

/** The commonest short words of languages in Latin letters. */
const SHORT_WORDS: Record<string, ReadonlySet<string>> = {
  en: new Set("the of and to in is you that it for was on are with as be this have from or".split(" ")),
  de: new Set("der die und das ist nicht ein eine zu den mit von auf für sich im dem es ich wir".split(" ")),
  fr: new Set("le la les et des est une un du dans pour que qui pas sur au avec ce il vous".split(" ")),
  es: new Set("el los las que y en un una es por con para del se no su al lo como más".split(" ")),
  it: new Set("il di che è e un una per non sono del della con le si da nel i gli come".split(" ")),
  pt: new Set("o os que e de do da em um uma para com não por se na no mais como dos".split(" ")),
  nl: new Set("de het een en van ik te dat die in is niet op voor met zijn er aan je wat".split(" ")),
};

/** Whether a word is one of those, which every text of its language has. */
export function isShortWord(word: string): boolean {
  return Object.values(SHORT_WORDS).some((short) => short.has(word));
}

/** Fewer letters, or short words, say nothing of a language. */
const MIN_LETTERS = 20;
const MIN_SHORT_WORDS = 3;
const SAMPLE = 4_000;

function scripts(text: string): Map<string, number> | null {
  const counts = Object.entries(SCRIPTS).map(
    ([name, letters]) => [name, text.match(letters)?.length ?? 0] as const,
  );
  const all = counts.reduce((sum, [, count]) => sum + count, 0);
  if (all < MIN_LETTERS) return null;
  return new Map(counts.map(([name, count]) => [name, count / all]));
}

/** The language whose short words a text has most of, and at least twice as many as of the next. */
function latinLanguage(text: string): string | null {
  const words = text.toLowerCase().match(/\p{L}+/gu) ?? [];
  const ranked = Object.entries(SHORT_WORDS)
    .map(([language, short]) => ({ language, found: words.filter((word) => short.has(word)).length }))
    .sort((a, b) => b.found - a.found);
  const [first, second] = ranked;
  if (first === undefined || first.found < MIN_SHORT_WORDS) return null;
  return first.found >= 2 * (second?.found ?? 0) ? first.language : null;
}

/**
 * How far an answer is in another language than the request: 0 in the same, 1 in another, between where scripts are
 * mixed. Null where one of the two is too short to tell.
 */
export function languageMismatch(request: string, text: string): number | null {
  const [asked, said] = [request.slice(0, SAMPLE), text.slice(0, SAMPLE)];
  const [before, after] = [scripts(asked), scripts(said)];
  if (before === null || after === null) return null;
  const shared = [...before].reduce((sum, [name, share]) => sum + Math.min(share, after.get(name) ?? 0), 0);
  const [first, second] = [latinLanguage(asked), latinLanguage(said)];
  return first !== null && second !== null && first !== second ? 1 : 1 - shared;
}

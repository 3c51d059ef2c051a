const UNITS =
  "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split(
    " ",
  );
const TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split(" ");

const SPELLED = new Map<string, number>([
  ...UNITS.map((word, at): [string, number] => [word, at]),
  ...TENS.map((word, at): [string, number] => [word, (at + 2) * 10]),
  ["hundred", 100],
  ["thousand", 1_000],
  ["million", 1_000_000],
  ["half", 0.5],
]);

const DIGITS = /\d+(?:[.,]\d+)*/g;

/** What a group of digits can mean: `1,000` is a thousand, and where commas stand for points it is one. */
function readings(digits: string): number[] {
  const plain = Number(digits.replaceAll(",", ""));
  const comma = Number(digits.replaceAll(".", "").replace(",", "."));
  return [plain, comma].filter((number) => Number.isFinite(number));
}

/** Every number that a text mentions, in digits or in English words; of a percentage the share too. */
export function numbersIn(text: string): Set<number> {
  const found = new Set<number>();
  for (const match of text.matchAll(DIGITS)) {
    for (const number of readings(match[0])) {
      found.add(number);
      if (text[match.index + match[0].length] === "%") found.add(number / 100);
    }
  }
  const words = text.toLowerCase().match(/[a-z]+/g) ?? [];
  for (const [at, word] of words.entries()) {
    const number = SPELLED.get(word);
    if (number === undefined) continue;
    found.add(number);
    const next = SPELLED.get(words[at + 1] ?? "");
    if (next === undefined) continue;
    if (next >= 100) found.add(number * next);
    else if (number >= 20 && next < 10) found.add(number + next);
  }
  return found;
}

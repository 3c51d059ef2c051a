/** Scripts that put no spaces between words: there each character counts as one. */
const WORD = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]|[\p{L}\p{M}\p{N}]+/gu;

/** The words of a text, in one case and one form of Unicode. */
export function wordsOf(text: string): string[] {
  return text.normalize("NFKC").toLowerCase().match(WORD) ?? [];
}

/** The words of an identifier: `getUserName`, `get_user_name` and `get.user-name` are the same three. */
export function wordsOfName(name: string): string[] {
  return wordsOf(name.replace(/(\p{Ll}|\p{N})(\p{Lu})/gu, "$1 $2").replace(/_/g, " "));
}

/** `50GB`, `20 GiB`, `512M` or a number, in bytes; null for anything else. */
export function parseSize(text: string): number | null {
  const match = /^(\d+(?:\.\d+)?)\s*(?:([kmgt])(i?)b?|b)?$/i.exec(text.trim());
  if (!match) return null;
  const [, digits, letter = " ", binary] = match;
  const power = " kmgt".indexOf(letter.toLowerCase());
  return Math.floor(Number(digits) * (binary ? 1024 : 1000) ** power);
}

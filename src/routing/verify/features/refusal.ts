/** Where a refusal stands when there is one. */
const BEGINNING = 300;

const REFUSALS = [
  /\b(?:i(?:'m| am)?|we(?:'re| are)?)\b[^.!?\n]{0,40}\b(?:can(?:no|')?t|cannot|unable to|not able to|won't|not allowed to|must decline)\b/i,
  /\bas an ai\b|\bi (?:don't|do not) have (?:access|the ability|enough information)\b/i,
  /\bich (?:kann|darf)\b[^.!?\n]{0,60}\bnicht\b|\btut mir leid\b/i,
  /\bje ne (?:peux|suis)\b|\bdésolée?\b/i,
  /\bno puedo\b|\blo siento\b/i,
  /\bnon posso\b|\bmi dispiace\b/i,
  /\bnão posso\b|\bdesculpe\b/i,
  /我(?:无法|不能)|抱歉|对不起|無法/u,
  /申し訳|できません/u,
];

/** Whether a text begins like a refusal, in one of the languages that are known here. */
export function soundsLikeRefusal(text: string): boolean {
  const beginning = text.slice(0, BEGINNING).replaceAll("’", "'");
  return REFUSALS.some((pattern) => pattern.test(beginning));
}

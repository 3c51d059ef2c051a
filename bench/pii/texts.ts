import { type Dice, hardNegative, type Instance, instance, type Kind } from "./values.ts";

/** A text with one value that is to be found, and others like it that are not. */
export interface Marked {
  kind: Kind;
  text: string;
  start: number;
  end: number;
  value: string;
}

/** `{x}` is the value, `{n}` what looks like one. */
const PROSE: readonly string[] = [
  "Please look into {n}: the customer wrote {x} in the form, and {n} beside it.",
  "Here is what I found. {x}\nThe rest is {n}.",
  "{x} - is that still right? It came with {n}.",
  'Summarise the thread. He says "{x}" and later {n}, which we had as {n} before.',
  "- {n}\n- {x}\n- {n}",
  "| field | value |\n|---|---|\n| old | {n} |\n| new | {x} |",
  "Update the record from {n} to ({x}); leave {n} as it is.",
  "log: {n} level=info msg='{x}' seq={n}",
  "Bonjour, voici ce que vous avez demandé : {x}. Merci ({n}).",
  "Bitte ändern Sie {x}, siehe {n}!",
  "客户资料：{x}，编号 {n}。",
  "Was it {n}? No, {x}.",
];

/** For numbers to call there is a word that says so in half of the texts; in the others their form alone can tell. */
const CALLING: readonly string[] = [
  "Please call {x} about {n}.",
  "Phone: {x}\nReference: {n}",
  "My mobile is {x}, not {n}.",
  "Tel. {x} ({n})",
  "Reach me at {x} after {n}.",
  "Text {x} when {n} is ready.",
];

function fill(template: string, given: Instance, d: Dice): Marked {
  let text = "";
  let start = 0;
  for (const part of template.split(/(\{[xn]\})/)) {
    if (part === "{x}") {
      start = text.length + given.lead.length;
      text += given.lead + given.value + given.tail;
    } else text += part === "{n}" ? hardNegative(d) : part;
  }
  return { kind: given.kind, text, start, end: start + given.value.length, value: given.value };
}

export function inProse(kind: Kind, d: Dice): Marked {
  const given = instance(kind, d);
  const templates = kind === "phone" && d.below(2) === 0 ? CALLING : PROSE;
  return fill(d.pick(templates), given, d);
}

const FIELDS: Record<Kind, readonly string[]> = {
  card: ["card_number", "number", "payment"],
  iban: ["iban", "account", "to"],
  email: ["email", "to", "recipient"],
  ip: ["ip", "host", "client"],
  ssn: ["ssn", "tax_id", "document"],
  url: ["url", "link", "page"],
  secret: ["note", "content", "body"],
  phone: ["phone", "phone_number", "mobile", "contact"],
};

/** Arguments of a tool call as a model writes them, and the strings in them that must stay. */
export interface MarkedArguments {
  kind: Kind;
  json: string;
  value: string;
  negatives: string[];
}

export function inArguments(kind: Kind, d: Dice): MarkedArguments {
  const given = instance(kind, d);
  const whole = given.lead + given.value + given.tail;
  const field = d.pick(FIELDS[kind]);
  const negatives = [hardNegative(d), hardNegative(d)];
  const [first, second] = negatives;
  const asNumber = kind === "card" && /^[1-9]\d{12,15}$/.test(whole) && d.below(4) === 0;
  const args = d.pick<() => object>([
    () => ({ id: first, [field]: asNumber ? Number(whole) : whole, limit: 10 }),
    () => ({ query: `find ${whole} in the archive`, ref: first, other: second }),
    () => ({ items: [{ [field]: whole }, { value: first }], dry_run: true }),
    () => ({ request: JSON.stringify({ [field]: whole, ref: first }), note: second }),
    () => ({ text: `line one\nline two\t${whole}\n"quoted" ${first}`, n: 3 }),
  ])();
  return {
    kind,
    json: JSON.stringify(args, null, d.pick([0, 0, 2])),
    value: given.value,
    negatives: negatives.filter((each) => JSON.stringify(args).includes(each)),
  };
}

/** A text in the pieces in which a model's words come: one to twelve characters. */
export function inPieces(text: string, d: Dice): string[] {
  const pieces: string[] = [];
  for (let at = 0; at < text.length; ) {
    const size = 1 + d.below(12);
    pieces.push(text.slice(at, at + size));
    at += size;
  }
  return pieces;
}

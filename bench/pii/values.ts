/** Draws of one seed, as the generators need them. Nothing here shares code with what is measured. */
export interface Dice {
  below(limit: number): number;
  pick<T>(list: readonly T[]): T;
  /** So many characters of these. */
  of(alphabet: string, length: number): string;
}

export function dice(random: () => number): Dice {
  const below = (limit: number): number => Math.floor(random() * limit);
  return {
    below,
    pick: (list) => list[below(list.length)] as (typeof list)[number],
    of: (alphabet, length) => Array.from({ length }, () => alphabet[below(alphabet.length)]).join(""),
  };
}

const DIGITS = "0123456789";
const LOWER = "abcdefghijklmnopqrstuvwxyz";
const UPPER = LOWER.toUpperCase();
const ALPHANUMERIC = UPPER + LOWER + DIGITS;
const HEX = "0123456789abcdef";

const FIRST =
  "anna bob carlos dieter elif farid grace hiro ines jan katarzyna liam maria nadia olu priya quentin rosa sven tom".split(
    " ",
  );
const LAST =
  "adeyemi brown chen dubois eriksson fischer garcia haddad ivanov jones kim lopez meyer novak okafor patel rossi smith".split(
    " ",
  );
const WORDS =
  "account billing catalog delta export forms green harbor invoice journal kettle ledger market north orders portal".split(
    " ",
  );
const TOPS = ["com", "org", "net", "io", "de", "co.uk", "fr", "com.br", "dev", "ai", "jp", "info"];

/** The digit by which the sum of all digits, every second from the right doubled, is a multiple of ten. */
function luhn(body: string): string {
  const sum = [...body]
    .reverse()
    .map((digit, at) => (at % 2 === 0 ? String(Number(digit) * 2) : digit))
    .flatMap((digits) => [...digits].map(Number))
    .reduce((a, b) => a + b, 0);
  return String((1000 - sum) % 10);
}

function cardDigits({ pick, of, below }: Dice): string {
  const [prefix, length] = pick([
    ["4", 16],
    ["4", 16],
    ["4", 13],
    ["51", 16],
    ["55", 16],
    ["2221", 16],
    ["2719", 16],
    ["34", 15],
    ["37", 15],
    ["6011", 16],
    ["65", 16],
    ["3530", 16],
    ["36", 14],
    ["305", 14],
    ["6759", 16],
    ["5018", 12 + below(8)],
  ] as const);
  const body = prefix + of(DIGITS, length - prefix.length - 1);
  return body + luhn(body);
}

function card(d: Dice): string {
  const digits = cardDigits(d);
  const separator = d.pick(["", "", " ", "-"]);
  if (separator === "" || ![15, 16].includes(digits.length)) return digits;
  return (digits.match(digits.length === 16 ? /\d{4}/g : /^\d{4}|\d{6}|\d{5}$/g) ?? []).join(separator);
}

/** Country, and its account number: `n` a digit, `a` a capital letter, `c` either (SWIFT's registry). */
const ACCOUNTS = [
  "DEnnnnnnnnnnnnnnnnnn",
  "GBaaaannnnnnnnnnnnnn",
  "FRnnnnnnnnnnccccccccccccnn".slice(0, 25),
  "NLaaaannnnnnnnnn",
  "ESnnnnnnnnnnnnnnnnnnnn",
  "CHnnnnnccccccccccccc".slice(0, 19),
  "PLnnnnnnnnnnnnnnnnnnnnnnnn",
  "NOnnnnnnnnnnn",
  "BEnnnnnnnnnnnn",
  "SEnnnnnnnnnnnnnnnnnnnn",
];

function iban({ pick, of, below }: Dice): string {
  const form = pick(ACCOUNTS);
  const country = form.slice(0, 2);
  const account = form
    .slice(2)
    .replace(/[nac]/g, (sort) => of(sort === "n" ? DIGITS : sort === "a" ? UPPER : UPPER + DIGITS, 1));
  const number = (text: string): bigint =>
    BigInt([...text].map((char) => Number.parseInt(char, 36)).join(""));
  const check = String(98n - (number(`${account}${country}00`) % 97n)).padStart(2, "0");
  const compact = country + check + account;
  const written = below(2) === 0 ? compact : (compact.match(/.{1,4}/g) ?? []).join(" ");
  return below(8) === 0 ? written.toLowerCase() : written;
}

function host({ pick, of, below }: Dice): string {
  const name = below(2) === 0 ? pick(WORDS) + pick(WORDS) : `${pick(WORDS)}-${of(LOWER, 4)}`;
  return `${below(3) === 0 ? `${pick(WORDS)}.` : ""}${name}.${pick(TOPS)}`;
}

function email(d: Dice): string {
  const { pick, of, below } = d;
  const local = pick([
    `${pick(FIRST)}.${pick(LAST)}`,
    `${pick(FIRST)[0]}${pick(LAST)}`,
    `${pick(FIRST)}_${of(DIGITS, 2)}`,
    `${pick(FIRST)}+${pick(WORDS)}`,
    `${pick(LAST)}${of(DIGITS, 4)}`,
    `${pick(FIRST)}-${pick(LAST)}`,
  ]);
  return `${below(6) === 0 ? local.toUpperCase() : local}@${host(d)}`;
}

function ip(d: Dice): string {
  const { below, of } = d;
  if (below(3) > 0)
    return [1 + below(223), below(256), below(256), below(256)]
      .map((n, at) => (at === 0 && n === 127 ? 128 : n))
      .join(".");
  const group = (): string => of(HEX, 1 + below(4)).replace(/^0+(?=.)/, "");
  const groups = ["2a01", ...Array.from({ length: 7 }, group)];
  if (below(2) === 0) return groups.join(":");
  return `${groups.slice(0, 3).join(":")}::${groups.slice(5, 7).join(":")}`;
}

function ssn({ below, pick }: Dice): string {
  let area = 1 + below(899);
  if (area === 666) area = 665;
  const parts = [
    String(area).padStart(3, "0"),
    String(1 + below(99)).padStart(2, "0"),
    String(1 + below(9_999)).padStart(4, "0"),
  ];
  return parts.join(pick(["-", "-", " "]));
}

function url(d: Dice): string {
  const { pick, of, below } = d;
  const path = Array.from(
    { length: below(4) },
    () => `/${pick([pick(WORDS), of(DIGITS, 5), `${pick(FIRST)}-${pick(LAST)}`])}`,
  ).join("");
  const query = below(3) === 0 ? `?${pick(WORDS)}=${of(ALPHANUMERIC, 6)}&page=${below(50)}` : "";
  const port = below(6) === 0 ? `:${3000 + below(6000)}` : "";
  const user = below(8) === 0 ? `${pick(FIRST)}:${of(ALPHANUMERIC, 10)}@` : "";
  return pick([
    () => `https://${user}${host(d)}${port}${path}${query}`,
    () => `http://www.${host(d)}/${pick(WORDS)}${query}`,
    () => `www.${host(d)}${path}`,
    () => `https://${host(d)}/`,
    () => `postgres://${pick(FIRST)}:${of(ALPHANUMERIC, 12)}@${host(d)}:5432/${pick(WORDS)}`,
    () => `ftp://${host(d)}/${pick(WORDS)}.zip`,
  ])();
}

/** Mixed characters, at least one of them a digit. */
const key = ({ of }: Dice, alphabet: string, length: number): string =>
  `${of(alphabet, length - 1)}${of(DIGITS, 1)}`;

const base64url = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");

/** Secrets with what stands before them, where that is what tells them. */
function secret(d: Dice): { lead?: string; value: string; quote?: string } {
  const { pick, of, below } = d;
  return pick<() => { lead?: string; value: string; quote?: string }>([
    () => ({ value: `AKIA${of(`${UPPER}234567`, 16)}` }),
    () => ({ value: `ghp_${key(d, ALPHANUMERIC, 36)}` }),
    () => ({ value: `github_pat_${key(d, ALPHANUMERIC, 22)}_${key(d, ALPHANUMERIC, 59)}` }),
    () => ({ value: `glpat-${key(d, `${ALPHANUMERIC}_-`, 20)}` }),
    () => ({ value: `xoxb-${of(DIGITS, 12)}-${of(DIGITS, 12)}-${of(ALPHANUMERIC, 24)}` }),
    () => ({ value: `sk_live_${key(d, ALPHANUMERIC, 24)}` }),
    () => ({ value: `sk-proj-${key(d, `${ALPHANUMERIC}_-`, 74)}T3BlbkFJ${key(d, `${ALPHANUMERIC}_-`, 74)}` }),
    () => ({ value: `sk-ant-api03-${key(d, `${ALPHANUMERIC}_-`, 93)}AA` }),
    () => ({ value: `AIza${key(d, `${ALPHANUMERIC}_-`, 35)}` }),
    () => ({ value: `npm_${key(d, ALPHANUMERIC, 36)}` }),
    () => ({ value: `hf_${key(d, ALPHANUMERIC, 34)}` }),
    () => ({ value: `SG.${key(d, `${ALPHANUMERIC}_-`, 22)}.${key(d, `${ALPHANUMERIC}_-`, 43)}` }),
    () => ({
      value: `${base64url({ alg: "HS256", typ: "JWT" })}.${base64url({ sub: of(DIGITS, 10), name: pick(FIRST) })}.${of(`${ALPHANUMERIC}_-`, 43)}`,
    }),
    () => ({
      value: `-----BEGIN PRIVATE KEY-----\n${Array.from({ length: 4 }, () => of(`${ALPHANUMERIC}+/`, 64)).join("\n")}\n-----END PRIVATE KEY-----`,
    }),
    () => ({ lead: "Authorization: Bearer ", value: key(d, ALPHANUMERIC, 32) }),
    () => ({
      lead: `${pick(["DB_PASSWORD", "password", "PGPASSWORD", "smtp_pass"])}=`,
      value: key(d, `${ALPHANUMERIC}!#%`, 8 + below(10)),
    }),
    () => ({ lead: `${pick(["password", "passwd", "passphrase"])}: `, value: key(d, ALPHANUMERIC, 10) }),
    () => ({
      lead: `${pick(["api_key", "apiKey", "client_secret", "aws_secret_access_key", "auth_token"])} = "`,
      value: key(d, ALPHANUMERIC, 40),
      quote: '"',
    }),
    () => ({ lead: `the password is `, value: `${of(LOWER, 5)}${of(DIGITS, 3)}!` }),
  ])();
}

/** A way in which a country's numbers are written: `N` is a digit from 2 to 9, `n` any. */
const PHONE_FORMS = [
  "Nnn-Nnn-nnnn",
  "(Nnn) Nnn-nnnn",
  "+1 Nnn-Nnn-nnnn",
  "+1NnnNnnnnnn",
  "Nnn.Nnn.nnnn",
  "1-Nnn-Nnn-nnnn",
  "NnnNnnnnnn",
  "+44 20 Nnnn nnnn",
  "020 Nnnn nnnn",
  "+44 77nn nnnnnn",
  "07Nnn nnnnnn",
  "07Nnnnnnnnn",
  "+49 30 Nnnnnnnn",
  "030 Nnnnnnnn",
  "030/Nnnnnnn",
  "0049 89 Nnnnnnn",
  "+33 6 nn nn nn nn",
  "01 Nn nn nn nn",
  "06.nn.nn.nn.nn",
  "+39 06 Nnnn nnnn",
  "+34 6nn nn nn nn",
  "6nn nnn nnn",
  "+91 9nnnn nnnnn",
  "9nnnnnnnnn",
  "+55 11 9nnnn-nnnn",
  "(11) 9nnnn-nnnn",
  "+81 3-Nnnn-nnnn",
  "03-Nnnn-nnnn",
  "+61 4nn nnn nnn",
  "04nn nnn nnn",
  "+41 (0)44 Nnn nn nn",
  "044 Nnn nn nn",
  "Nnn-nnnn",
  "Nnn nnnn",
  "Nnnn nnnn",
  "+86 138 nnnn nnnn",
  "138nnnnnnnn",
  "+7 9nn nnn-nn-nn",
  "+48 Nnn nnn nnn",
  "+972 5n-Nnn-nnnn",
];

const phone = ({ pick, of }: Dice): string =>
  pick(PHONE_FORMS).replace(/[Nn]/g, (sort) => of(sort === "N" ? "23456789" : DIGITS, 1));

export const KINDS = ["card", "iban", "email", "ip", "ssn", "url", "secret", "phone"] as const;
export type Kind = (typeof KINDS)[number];

/** A value, and what has to stand before and after it. */
export interface Instance {
  kind: Kind;
  lead: string;
  value: string;
  tail: string;
}

export function instance(kind: Kind, d: Dice): Instance {
  if (kind === "secret") {
    const { lead = "", value, quote = "" } = secret(d);
    return { kind, lead, value, tail: quote };
  }
  const value = { card, iban, email, ip, ssn, url, phone }[kind](d);
  return { kind, lead: "", value, tail: "" };
}

/** One that a check digit, a range or a word beside it tells from what is looked for. */
export function hardNegative(d: Dice): string {
  const { pick, of, below } = d;
  const uuid = (): string => [8, 4, 4, 4, 12].map((length) => of(HEX, length)).join("-");
  const wrong = (text: string, at: number): string =>
    text.slice(0, at) + String((Number(text[at]) + 1 + below(8)) % 10) + text.slice(at + 1);
  const at = new Date(1_700_000_000_000 + below(60_000_000) * 1_000);
  return pick([
    () => `order ${of("123456789", 1)}${of(DIGITS, 6 + below(5))}`,
    () => `order ORD-${2020 + below(6)}-${of(DIGITS, 6)}`,
    () => `invoice number ${of(DIGITS, 10)}`,
    () => `tracking 1Z${of(UPPER + DIGITS, 16)}`,
    uuid,
    () => `version ${below(20)}.${below(20)}.${below(90)}`,
    () => `v${below(20)}.${below(20)}.${below(90)}.${below(90)}`,
    () => `version ${below(20)}.${below(20)}.${below(90)}.${below(90)}`,
    () => `Chrome/${below(130)}.0.${below(255)}.${below(255)}`,
    () => of(HEX, pick([32, 40, 64])),
    () => at.toISOString(),
    () => at.toISOString().slice(0, 10),
    () => `${at.getUTCDate()}/${at.getUTCMonth() + 1}/${at.getUTCFullYear()}`,
    () => String(Math.floor(at.getTime() / 1_000)),
    () => String(at.getTime()),
    () => {
      const digits = cardDigits(d);
      return `reference ${wrong(digits, digits.length - 1)}`;
    },
    () => {
      const compact = iban(d).replaceAll(" ", "").toUpperCase();
      return `reference ${wrong(compact, 2)}`;
    },
    () => `case ${pick(["000", "666", `9${of(DIGITS, 2)}`])}-${of(DIGITS, 2)}-${of(DIGITS, 4)}`,
    () => `${pick(WORDS)}@${below(9)}.${below(9)}.${below(20)}`,
    () => `${pick(WORDS)}@2x.png`,
    () => `@${pick(FIRST)}_${pick(LAST)}`,
    () => `$${of("123456789", 1)},${of(DIGITS, 3)}.${of(DIGITS, 2)}`,
    () => `${pick(WORDS)}::${pick(WORDS)}`,
    () => `12:${10 + below(50)}:${10 + below(50)}`,
    () => [..."123456"].map(() => of(HEX, 2)).join(":"),
    () => `${pick(WORDS)}.${pick(WORDS)}(${below(100)})`,
    () => `max_tokens=${below(9_000)}`,
    () => `password: ${pick(["required", "missing", "must be set"])}`,
    () => `api_key=YOUR_API_KEY`,
    () => `task-${of(DIGITS, 8)}`,
    () => `${of(DIGITS, 3)} ${pick(["items", "rows", "files"])} of ${of("123456789", 1)}${of(DIGITS, 3)}`,
    () => `sk-${pick(WORDS)}-${pick(WORDS)}`,
  ])();
}

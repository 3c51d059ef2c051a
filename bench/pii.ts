import { findPrivate } from "../src/conversion/privacy/find-private.ts";
import { privateStream } from "../src/conversion/privacy/private-stream.ts";
import type { Span } from "../src/conversion/privacy/span.ts";
import { surrogates } from "../src/conversion/privacy/surrogates.ts";
import { seededRandom } from "../src/routing/statistics/seeded-random.ts";
import type { Benchmark, BenchOptions, Measured } from "./lib/report.ts";
import { rounded } from "./lib/stats.ts";
import { namesAndPlaces } from "./pii/names.ts";
import { LABELS, type LabelledText, readLabelled } from "./pii/presidio.ts";
import { PATTERNED, Scores } from "./pii/scores.ts";
import { inArguments, inPieces, inProse, type Marked } from "./pii/texts.ts";
import { dice, KINDS } from "./pii/values.ts";

const SEED = 20_261_124;
/** Of each kind, in each of the three settings. */
const INSTANCES = 500;
const STREAM_BYTES = 50_000_000;
const PIECE = 16_384;

const covers = (span: Span, kind: string, start: number, end: number): boolean =>
  span.kind === kind && span.start <= start && span.end >= end;

/** A value counts as found where one span of its kind covers all of it; every other span is wrong. */
function score(scores: Scores, { kind, start, end }: Marked, spans: readonly Span[]): void {
  // A password within a link is gone with the link.
  const isFound = (span: Span): boolean =>
    covers(span, kind, start, end) || (kind === "secret" && covers(span, "url", start, end));
  scores.labelled(kind, spans.some(isFound));
  for (const span of spans) if (!isFound(span)) scores.wrong(span.kind);
}

function streamed(pieces: readonly string[]): Span[] {
  const stream = privateStream();
  let at = 0;
  return [...pieces.map((piece) => () => stream.push(piece)), () => stream.end()].flatMap((next) => {
    const { text, spans } = next();
    const placed = spans.map((span) => ({ ...span, start: span.start + at, end: span.end + at }));
    at += text.length;
    return placed;
  });
}

/** Every string and number in a JSON text, those in strings of JSON too. */
function leavesOf(json: unknown): string {
  if (typeof json === "string") {
    const inner = /^[[{]/.test(json) ? leavesOf(JSON.parse(json)) : "";
    return `${json}\n${inner}`;
  }
  if (typeof json !== "object" || json === null) return `${json}\n`;
  return Object.values(json).map(leavesOf).join("");
}

interface Generated {
  scores: Scores;
  prose: Marked[];
}

/** Seeded values of each kind, in the three places where calls have them. */
function generated(): Generated {
  const scores = new Scores();
  const prose: Marked[] = [];
  for (const [at, kind] of KINDS.entries()) {
    const d = dice(seededRandom(SEED + at));
    const { text } = surrogates({ seed: `benchmark ${SEED}` });
    for (let each = 0; each < INSTANCES; each++) {
      const whole = inProse(kind, d);
      prose.push(whole);
      score(scores, whole, findPrivate(whole.text));
      const cut = inProse(kind, d);
      score(scores, cut, streamed(inPieces(cut.text, d)));
      const { json, value, negatives } = inArguments(kind, d);
      const left = leavesOf(JSON.parse(text(json)));
      scores.labelled(kind, !left.includes(value));
      for (const negative of negatives) if (!left.includes(negative)) scores.wrong(kind);
    }
  }
  return { scores, prose };
}

function labelled(texts: readonly LabelledText[]): Scores {
  const scores = new Scores();
  for (const { text, spans } of texts) {
    const found = findPrivate(text);
    const used = new Set<Span>();
    for (const { entity_type, start, end } of spans) {
      const kind = LABELS[entity_type];
      if (kind === undefined) continue;
      const match = found.find((span) => covers(span, kind, start, end));
      scores.labelled(kind, match !== undefined);
      if (match !== undefined) used.add(match);
    }
    for (const span of found) if (!used.has(span)) scores.wrong(span.kind);
  }
  return scores;
}

/** Megabytes of UTF-8 a second of this process's CPU time, which other work on the machine does not change. */
function rate(bytes: number, work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return rounded(bytes / (user + system), 1);
}

function throughStream(text: string, size: number): void {
  const stream = privateStream();
  for (let at = 0; at < text.length; at += size) stream.push(text.slice(at, at + size));
  stream.end();
}

/** Texts that ask again and again for what they are not; the time must grow with their length alone. */
const ADVERSARIAL = [
  "a@",
  "a://",
  "eyJ-",
  "1 ",
  "12 1234567 ",
  "+1",
  "password=",
  "-----BEGIN PRIVATE KEY-----",
  "a:",
  "sk-ant-",
  "(12)",
  "GB82 ",
  "1.1.1.",
  "a",
  "::",
  "www.",
  'password="',
  "call 1234567 ",
  "4111 ",
];

function adversarialRates(): number[] {
  return ADVERSARIAL.map((unit) => {
    const text = unit.repeat(Math.ceil(2_000_000 / unit.length));
    return rate(text.length, () => void findPrivate(text));
  });
}

/** As it comes from a parser: what is put together from parts is copied when it is first read. */
const flat = (text: string, bytes: number): string =>
  Buffer.from(text.repeat(Math.ceil(bytes / Buffer.byteLength(text)))).toString();

function speeds(texts: readonly LabelledText[], prose: readonly Marked[]): Record<string, number> {
  const stream = flat(texts.map(({ text }) => text).join("\n"), STREAM_BYTES);
  const dense = flat(prose.map(({ text }) => text).join("\n"), STREAM_BYTES / 5);
  for (const text of [stream, dense]) throughStream(text.slice(0, 10_000_000), PIECE);
  return {
    mb_per_s: rate(Buffer.byteLength(stream), () => throughStream(stream, PIECE)),
    mb_per_s_dense: rate(Buffer.byteLength(dense), () => throughStream(dense, PIECE)),
    mb_per_s_deltas: rate(Buffer.byteLength(dense), () => throughStream(dense, 6)),
    mb_per_s_adversarial_least: Math.min(...adversarialRates()),
  };
}

async function run(options: BenchOptions): Promise<Measured> {
  const texts = readLabelled(options);
  const { scores, prose } = generated();
  const onLabels = labelled(texts);
  const named = namesAndPlaces(texts, process.env);
  const perKind = [...PATTERNED, "phone"].flatMap((kind) => [
    [`recall_${kind}`, scores.recall([kind])],
    [`precision_${kind}`, scores.precision([kind])],
  ]);
  return {
    conditions: {
      generated: `${INSTANCES} instances of each kind in prose, as many in arguments of tool calls, as many split into pieces of 1 to 12 characters; ${scores.count(PATTERNED)} in all, telephone numbers apart`,
      labelled: `${onLabels.count(PATTERNED)} spans of patterned kinds and ${onLabels.count(["phone"])} telephone numbers in ${texts.length} texts`,
      stream: `${STREAM_BYTES / 1e6} MB of the labelled texts, over and over, in pieces of ${PIECE} characters; the generated ones for _dense, and in pieces of 6 for _deltas`,
      "names and places": "compromise, rules and word lists; not in the product",
      presidio: named.about,
      rates: "per second of CPU time",
      seed: SEED,
    },
    figures: {
      recall_patterned: scores.recall(PATTERNED),
      precision_patterned: scores.precision(PATTERNED),
      recall_labelled: onLabels.recall(PATTERNED),
      precision_labelled: onLabels.precision(PATTERNED),
      recall_phone_labelled: onLabels.recall(["phone"]),
      precision_phone_labelled: onLabels.precision(["phone"]),
      ...Object.fromEntries(perKind),
      ...named.figures,
      ...speeds(texts, prose),
    },
  };
}

/** Whether what is private is found, what is not is left, and how fast. */
export const pii: Benchmark = {
  about: "private values: recall, precision and speed of their detection (needs --data)",
  run,
};

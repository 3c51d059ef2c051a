import nlp from "compromise";
import { rounded } from "../lib/stats.ts";
import { foundByPresidio, type LabelledSpan, type LabelledText } from "./presidio.ts";

/** Names of people and of places, by the labels and by Presidio, whose names of kinds differ. */
const NAMED = {
  names: { label: "PERSON", presidio: "PERSON", find: (text: string) => nlp(text).people() },
  places: { label: "GPE", presidio: "LOCATION", find: (text: string) => nlp(text).places() },
} as const;

type Found = Pick<LabelledSpan, "start" | "end">;

/** What the library finds, with its place; it says where a phrase stands, spaces and signs around it left out. */
function placed(view: { json(options: object): unknown }): Found[] {
  const phrases = view.json({ offset: true }) as { offset: { start: number; length: number } }[];
  return phrases.map(({ offset: { start, length } }) => ({ start, end: start + length }));
}

/** Covered labels of all, and what touches a label of all that was found. */
function scored(texts: readonly LabelledText[], label: string, found: readonly Found[][]): [number, number] {
  let labelled = 0;
  let covered = 0;
  let all = 0;
  let right = 0;
  for (const [at, { spans }] of texts.entries()) {
    const here = found[at] ?? [];
    const wanted = spans.filter(({ entity_type }) => entity_type === label);
    labelled += wanted.length;
    covered += wanted.filter(({ start, end }) =>
      here.some((each) => each.start <= start && each.end >= end),
    ).length;
    all += here.length;
    right += here.filter((each) =>
      wanted.some(({ start, end }) => start < each.end && end > each.start),
    ).length;
  }
  return [rounded(covered / labelled), rounded(right / all)];
}

/**
 * Recall and precision on names of people and places, of a rule-based recogniser that needs no model, beside Presidio's
 * where there is one.
 */
export function namesAndPlaces(
  texts: readonly LabelledText[],
  env: NodeJS.ProcessEnv,
): { about: string; figures: Record<string, number> } {
  const plain = texts.map(({ text }) => text);
  const presidio = foundByPresidio(plain, env);
  const figures: Record<string, number> = {};
  for (const [name, kinds] of Object.entries(NAMED)) {
    const ours = scored(
      texts,
      kinds.label,
      plain.map((text) => placed(kinds.find(text))),
    );
    [figures[`recall_${name}`], figures[`precision_${name}`]] = ours;
    if (presidio === null) continue;
    const theirs = presidio.spans.map((spans) =>
      spans.filter(({ entity_type }) => entity_type === kinds.presidio),
    );
    [figures[`recall_${name}_presidio`], figures[`precision_${name}_presidio`]] = scored(
      texts,
      kinds.label,
      theirs,
    );
  }
  return { about: presidio?.about ?? "not measured: PRESIDIO_PYTHON names no interpreter", figures };
}

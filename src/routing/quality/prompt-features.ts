import { fnv1a, mix } from "../fnv.ts";
import { GRAMS, promptWords, type TextShape } from "./prompt-words.ts";

/** Task and tool set by name, hashed: 1,000 of them leave a name alone in its place nine times in ten. */
const NAMES = 1 << 13;
/** Waves over the shape of the text. */
const WAVES = 64;

/** How many weights a model of these features has, and where each kind stands. */
export const PLACES = { bias: 0, waves: 1, names: 1 + WAVES, grams: 1 + WAVES + NAMES } as const;
export const WEIGHTS = PLACES.grams + GRAMS;

/** The first so many places of every call are the bias and the waves, in order: they hang together closely. */
export const DENSE = PLACES.names;

/** A call as models of quality see it: few values at many places. */
export interface PromptFeatures {
  places: Int32Array;
  values: Float64Array;
}

/**
 * The shape as numbers near -2 to 2. The middles and widths are of written text in general; they are part of the
 * features, and models trained before a change of them are worth nothing after it.
 */
function normalised(shape: TextShape): number[] {
  const share = (count: number): number => Math.sqrt(count / Math.max(1, shape.length));
  const words = Math.max(1, shape.words);
  return [
    Math.log1p(shape.length) - 6,
    (share(shape.digits) - 0.1) / 0.1,
    (share(shape.capitals) - 0.2) / 0.08,
    (share(shape.marks) - 0.2) / 0.08,
    (shape.letters + shape.digits + shape.marks) / words - 4.2,
    Math.log(shape.lines) - 2,
    (shape.distinctWords / words - 0.7) / 0.15,
    (share(shape.quotes) - 0.05) / 0.07,
  ];
}

const SHAPES = 8;
/** The distance at which two shapes count as different. */
const WIDTH = 2;

/** A number in (0, 1) that is the same on every machine. */
const fixed = (name: string): number => (mix(fnv1a(name)) + 0.5) / 2 ** 32;

/** Random directions and phases, drawn once and for all. */
const DIRECTIONS = Float64Array.from({ length: WAVES * SHAPES }, (_, at) => {
  const radius = Math.sqrt(-2 * Math.log(fixed(`radius ${at}`)));
  return (radius * Math.cos(2 * Math.PI * fixed(`angle ${at}`))) / WIDTH;
});
const PHASES = Float64Array.from({ length: WAVES }, (_, wave) => 2 * Math.PI * fixed(`phase ${wave}`));

/**
 * What is known of a call before anything is generated: which task and tool set it is (back-off from one to the other
 * to the bias that all share), its words and pairs of words by hash, and its shape by random Fourier features (A. Rahimi
 * and B. Recht 2007), with which a linear model can draw smooth curves over length, digits, lines and the like.
 */
export function promptFeatures(call: {
  /** The task's key. */
  task: string;
  /** The hash of its tool set; null without tools. */
  tools: string | null;
  /** What tells this call from others of its task: the last user message. */
  text: string;
}): PromptFeatures {
  const { grams, weights, shape } = promptWords(call.text);
  const places = new Int32Array(3 + WAVES + grams.length);
  const values = new Float64Array(places.length);
  const numbers = normalised(shape);
  values[0] = 1;
  const size = Math.sqrt(2 / WAVES);
  for (let wave = 0; wave < WAVES; wave++) {
    let turned = PHASES[wave] ?? 0;
    for (let at = 0; at < SHAPES; at++) turned += (DIRECTIONS[wave * SHAPES + at] ?? 0) * (numbers[at] ?? 0);
    places[1 + wave] = PLACES.waves + wave;
    values[1 + wave] = size * Math.cos(turned);
  }
  places[1 + WAVES] = PLACES.names + (mix(fnv1a(`task\n${call.task}`)) & (NAMES - 1));
  values[1 + WAVES] = 1;
  places[2 + WAVES] = PLACES.names + (mix(fnv1a(`tools\n${call.tools ?? ""}`)) & (NAMES - 1));
  values[2 + WAVES] = 1;
  const length = Math.sqrt(weights.reduce((sum, weight) => sum + weight * weight, 0)) || 1;
  for (let at = 0; at < grams.length; at++) {
    places[3 + WAVES + at] = PLACES.grams + (grams[at] ?? 0);
    values[3 + WAVES + at] = (weights[at] ?? 0) / length;
  }
  return { places, values };
}

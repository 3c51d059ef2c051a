/** What a span is; each kind has a file that finds it and one that gives its surrogate. */
export const PRIVATE_KINDS = [
  "card",
  "iban",
  "email",
  "ip",
  "ssn",
  "national_id",
  "url",
  "phone",
  "secret",
] as const;

export type PrivateKind = (typeof PRIVATE_KINDS)[number];

/** A private value in a text: `[start, end)` in UTF-16 units. */
export interface Span {
  kind: PrivateKind;
  start: number;
  end: number;
}

/** More text may change the answer: ask again when it has come. */
export const MORE = "more";

/** What stands at a place: a span, nothing, or what cannot be said before more of the text is there. */
export type Found = Span | null | typeof MORE;

/** A text, or as much of it as has come. */
export interface View {
  text: string;
  /** Nothing follows. */
  final: boolean;
  /** Nothing before it can be part of a span: what stands there belongs to another, or is out already. */
  from: number;
}

/** How far back from a place the text may say what stands there, in UTF-16 units; a stream keeps this much. */
export const LOOK_BACK = 128;

/** Whether an answer that looked at the text before `upTo` could change with more of it. */
export const isOpen = ({ text, final }: View, upTo: number): boolean => !final && upTo > text.length;

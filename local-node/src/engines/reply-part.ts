/** A piece of a reply as the API shows it. */
export type ShownReplyPart =
  | { type: "content"; text: string }
  | { type: "reasoning"; text: string }
  | { type: "call"; index: number; id: string; name: string }
  /** More of a call's arguments, as JSON. */
  | { type: "arguments"; index: number; text: string };

import { findPrivate } from "../find-private.ts";

/** What is found in a text, as `kind value`. */
export const found = (text: string): string[] =>
  findPrivate(text).map(({ kind, start, end }) => `${kind} ${text.slice(start, end)}`);

import { z } from "zod";

/** Messages, or items, of a request. More would hold up every other call of the isolate while they are checked. */
export const MAX_MESSAGES = 10_000;
/** Tools of a request. */
export const MAX_TOOLS = 2_000;
/** Characters of a model's name, which stands in headers and records. */
export const MAX_MODEL_NAME = 256;

/** A model's name as a request may give it. */
export const modelName = z
  .string()
  .min(1, "it is empty: name a model")
  .max(MAX_MODEL_NAME, `it is longer than ${MAX_MODEL_NAME} characters`)
  .regex(/^\P{Cc}*$/u, "it has control characters, such as a line break");

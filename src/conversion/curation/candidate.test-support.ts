import { answer, asked } from "../../routing/verify/fixtures/asked.ts";
import type { Candidate } from "./candidate.ts";

/** A good example, but for what a test says. */
export const candidate = (more: Partial<Candidate> = {}): Candidate => ({
  outcome: "done",
  asked: asked(),
  answer: answer({ text: "Sunny." }),
  corrected: false,
  standIn: false,
  liked: false,
  disliked: false,
  version: "v",
  currentVersion: "v",
  ...more,
});

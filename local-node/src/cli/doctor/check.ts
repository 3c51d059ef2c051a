/** One line of `doctor`. `note`: nothing is broken, but it is worth knowing. */
export interface Check {
  name: string;
  verdict: "ok" | "note" | "bad";
  /** What was found; for `note` and `bad` with what to do. */
  text: string;
}

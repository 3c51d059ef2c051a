import { createInterface } from "node:readline/promises";

/** Asks at the terminal; an empty answer is a yes. Null where standard input or error is no terminal. */
export function terminalConfirm(): ((question: string) => Promise<boolean>) | null {
  if (!process.stdin.isTTY || !process.stderr.isTTY) return null;
  return async (question) => {
    const prompt = createInterface({ input: process.stdin, output: process.stderr });
    try {
      const answer = (await prompt.question(`${question} [Y/n] `)).trim().toLowerCase();
      return answer === "" || answer === "y" || answer === "yes";
    } finally {
      prompt.close();
    }
  };
}

/** A terminal that a view can be drawn on again and again. */
export interface Screen {
  /** Shows these lines and nothing else; what does not fit is left out. */
  draw(lines: readonly string[]): void;
  /** Gives the terminal back as it was. */
  close(): void;
  /** Resolves when the person presses q or Ctrl-C. */
  left: Promise<void>;
}

interface TerminalInput {
  setRawMode?(raw: boolean): unknown;
  on(event: "data", listener: (keys: Buffer) => void): unknown;
  off(event: "data", listener: (keys: Buffer) => void): unknown;
  resume(): unknown;
  pause(): unknown;
}

interface TerminalOutput {
  columns?: number;
  rows?: number;
  write(text: string): unknown;
}

const ENTER = "\u001b[?1049h\u001b[?25l";
const LEAVE = "\u001b[?25h\u001b[?1049l";
const CTRL_C = 3;

/** Takes the whole terminal, on its second page: what was on it comes back at the end. */
export function openScreen(input: TerminalInput, output: TerminalOutput): Screen {
  const left = Promise.withResolvers<void>();
  const onKeys = (keys: Buffer) => {
    if (keys.includes(CTRL_C) || keys.includes("q")) left.resolve();
  };
  input.setRawMode?.(true);
  input.on("data", onKeys);
  input.resume();
  output.write(ENTER);
  return {
    draw: (lines) => {
      // Some terminals say 0.
      const columns = output.columns || 80;
      const rows = output.rows || 24;
      const shown = lines.slice(0, rows - 1).map((line) => `${line.slice(0, columns - 1)}\u001b[K\r\n`);
      output.write(`\u001b[H${shown.join("")}\u001b[J`);
    },
    close: () => {
      output.write(LEAVE);
      input.off("data", onKeys);
      input.setRawMode?.(false);
      input.pause();
    },
    left: left.promise,
  };
}

/** Null where standard output or input is no terminal. */
export function terminalScreen(): (() => Screen) | null {
  if (!process.stdout.isTTY || !process.stdin.isTTY) return null;
  return () => openScreen(process.stdin, process.stdout);
}

import { type GenericFormatter, SingleBar } from "cli-progress";
import { humanBytes } from "../models/disk.ts";
import type { Progress } from "../models/download.ts";
import { createLog, type Log } from "./log.ts";
import { describePause } from "./pause.ts";
import type { DaemonStatus } from "./status.ts";

/** How the daemon speaks to whoever watches it, on standard error. */
export interface Console {
  log: Log;
  progress: (progress: Progress) => void;
  /** Shows a status line that refreshes itself; only at a terminal. */
  live(status: () => DaemonStatus): void;
  /** How it speaks from now on. `auto`: to people at a terminal, elsewhere to machines. */
  useFormat(format: LogFormat): void;
  /** Takes bar and status line away. */
  end(): void;
}

export type LogFormat = "auto" | "text" | "json";

/** Between two lines of progress where no bar can be drawn, in ms. */
const PROGRESS_LINE_MS = 3_000;
const LIVE_MS = 1_000;

const PHASES: Record<Progress["phase"], string> = {
  download: "Downloading",
  extract: "Unpacking",
  verify: "Checking",
};

/** `json`: lines for machines, whatever the stream is. At a terminal otherwise lines, a bar and a status line. */
export function createConsole(options: {
  stream: NodeJS.WriteStream | NodeJS.WritableStream;
  json: boolean;
  now?: () => number;
}): Console {
  const { stream } = options;
  const now = options.now ?? Date.now;
  const isTerminal = "isTTY" in stream && stream.isTTY === true;
  let json = options.json;
  const liveLine = isTerminal ? createLiveLine(stream) : null;
  const live = {
    start: (status: () => DaemonStatus) => (json ? undefined : liveLine?.start(status)),
    clear: () => liveLine?.clear(),
    draw: () => liveLine?.draw(),
    stop: () => liveLine?.stop(),
  };
  let bar: SingleBar | null = null;
  let barPhase: Progress["phase"] | null = null;
  let lineAt = 0;

  const endBar = () => {
    bar?.stop();
    bar = null;
    barPhase = null;
  };
  const log = createLog({
    write: (text) => stream.write(text),
    human: () => !json,
    now: () => new Date(now()),
    before: () => {
      endBar();
      live.clear();
    },
    after: live.draw,
  });
  const drawBar = (progress: Progress) => {
    if (bar === null || barPhase !== progress.phase) {
      endBar();
      bar = newBar(stream, progress);
      barPhase = progress.phase;
    }
    bar.update(progress.done);
    if (progress.total !== null && progress.done >= progress.total) endBar();
  };

  return {
    log,
    progress: (progress) => {
      if (isTerminal && !json) return drawBar(progress);
      const finished = progress.total !== null && progress.done >= progress.total;
      if (!finished && now() - lineAt < PROGRESS_LINE_MS) return;
      lineAt = now();
      log("info", progressLine(progress), {
        phase: progress.phase,
        done: progress.done,
        total: progress.total,
      });
    },
    live: live.start,
    useFormat: (format) => {
      json = format === "json" || (format === "auto" && !isTerminal);
      if (json) {
        endBar();
        live.stop();
      }
    },
    end: () => {
      endBar();
      live.stop();
    },
  };
}

function newBar(stream: NodeJS.WritableStream, progress: Progress): SingleBar {
  const format: GenericFormatter = (_settings, params, payload: { phase: string }) => {
    const share = params.total > 0 ? Math.min(1, params.value / params.total) : 0;
    const filled = Math.round(share * 30);
    return `${payload.phase} [${"=".repeat(filled)}${" ".repeat(30 - filled)}] ${Math.floor(share * 100)} %  ${humanBytes(params.value)} of ${humanBytes(params.total)}`;
  };
  const bar = new SingleBar({ stream, hideCursor: true, clearOnComplete: true, format });
  bar.start(progress.total ?? 0, progress.done, { phase: PHASES[progress.phase] });
  return bar;
}

export function progressLine(progress: Progress): string {
  const verb = PHASES[progress.phase];
  if (progress.total === null) return `${verb}: ${humanBytes(progress.done)}.`;
  const percent = progress.total === 0 ? 100 : Math.floor((progress.done / progress.total) * 100);
  return `${verb}: ${percent} % of ${humanBytes(progress.total)}.`;
}

/** One line of what the node does now. */
export function statusLine(status: DaemonStatus): string {
  const { slots, models } = status.state;
  const names = models.map((model) =>
    model.tokensPerSecond === null ? model.id : `${model.id} (${Math.round(model.tokensPerSecond)} tokens/s)`,
  );
  const queue = slots.queued > 0 ? `, ${slots.queued} waiting` : "";
  const phase = status.paused === null ? status.tunnel.phase : describePause(status.paused);
  return `${phase}  ${names.join(", ") || "no model"}  ${slots.busy} of ${slots.total} slots busy${queue}`;
}

function createLiveLine(stream: NodeJS.WritableStream): {
  start(status: () => DaemonStatus): void;
  draw(): void;
  clear(): void;
  stop(): void;
} {
  let source: (() => DaemonStatus) | null = null;
  let timer: NodeJS.Timeout | null = null;
  const clear = () => {
    if (source) stream.write("\r\u001b[2K");
  };
  const draw = () => {
    if (!source) return;
    // Some terminals say 0.
    const columns = ("columns" in stream && typeof stream.columns === "number" && stream.columns) || 80;
    stream.write(`\r\u001b[2K${statusLine(source()).slice(0, columns - 1)}`);
  };
  return {
    start: (status) => {
      source = status;
      draw();
      timer = setInterval(draw, LIVE_MS);
      timer.unref();
    },
    draw,
    clear,
    stop: () => {
      clear();
      if (timer) clearInterval(timer);
      source = null;
    },
  };
}

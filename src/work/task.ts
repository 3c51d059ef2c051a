import type { Agreement } from "../conversion/agreement.ts";
import type { Obstacle, Stage } from "../conversion/modes.ts";
import type { CertificationWindow } from "../routing/guarantee/certification-window.ts";
import type { Answer, Label, ScoreBasis } from "../routing/guarantee/drawn-outcome.ts";
import type { DriftDetector } from "../routing/guarantee/drift-detector.ts";
import type { Certification } from "../routing/guarantee/learn-then-test.ts";
import type { Lottery } from "../routing/guarantee/lottery.ts";

/** A small model and all that decides its answers. `weights`: SHA-256 of their file; null where the engine does not tell. */
export interface Candidate {
  model: string;
  fingerprint: string;
  weights: string | null;
}

/** What the settings said of the guarantee when a window was opened: its evidence is of labels that these made. */
export interface Terms {
  epsilon: number;
  /** Of the family of a task's attempts. */
  delta: number;
  /** Share of calls that are drawn while a window is open. */
  share: number;
  judge: string | null;
  feedbackThreshold: number;
}

/** A recurring kind of call, and how far its conversion has come. Plain data; times are milliseconds since the epoch. */
export interface Task {
  /** The name that callers gave it in `x-routelet-task`, else the key of its first call. */
  id: string;
  /** What people read. */
  name: string;
  stage: Stage;
  stageSince: number;
  excluded: boolean;
  /** People read its answers as they arrive: it is only observed. */
  human: boolean;
  /** A person agreed to its next certificate's being used. */
  approved: boolean;
  firstSeenAt: number;
  lastSeenAt: number;
  /** Calls that isolates have told of. */
  calls: number;
  /** Which of its calls are looked at now; null while none are. */
  lottery: Lottery | null;
  /** The small model that would answer it; null until one serves. */
  candidate: Candidate | null;
  /** Those that are tried on it until a window opens for one. */
  candidates?: Candidate[];
  /** Attempts at certifying any candidate so far. */
  attempts: number;
  window: CertificationWindow | null;
  /** Those of its window, or of the one that was certified. */
  terms?: Terms | null;
  /** Of the window that was certified last; what serves goes by its threshold. */
  certification: Certification | null;
  detector: DriftDetector | null;
  /** Calls that began from here on are what the detector has seen; null where nothing is watched. */
  watchedFrom?: number | null;
  /** Audited calls since this stage began to which the small model said something. */
  audits: number;
  /** The task's own limit, in place of the project's; milliseconds. */
  maxP95Ms?: number | null;
  /** Why it is where it is, as of the last look. */
  stays?: Obstacle | "done";
}

/** A call that was drawn, and what has become of it. */
export interface DrawRecord {
  callId: string;
  taskId: string;
  kind: "shadow" | "audit";
  lotteryId: string;
  share: number;
  splitKey: string;
  at: number;
  /** Null until it is settled. */
  outcome: DrawOutcome | null;
  /** What was last said of its call; absent where nobody said anything. */
  feedback?: DrawFeedback;
}

/** What feedback made of a draw's label. `pending`: it came before the draw was settled. `frozen`: it came too late. */
export interface DrawFeedback {
  at: number;
  state: "pending" | "counted" | "frozen";
  score: number | null;
  corrected: boolean;
  /** It is about the whole run. */
  ofRun: boolean;
}

export interface DrawOutcome {
  candidate: string;
  fingerprint: string;
  basis: ScoreBasis;
  answer: Answer;
  label: Label;
  /** An audited call's small model was asked and said nothing: no loss, and nothing learnt of its answers. */
  silent?: true;
  by: Agreement["by"] | "judge" | "feedback" | null;
  /** The label without feedback, where that changed it. */
  matched?: { label: Label; by: DrawOutcome["by"] };
  /** How the answers were formed; absent where one of them is missing. */
  form?: {
    valid: boolean;
    referenceValid: boolean;
    /** A tool was called where the reference called none; null for a call without tools. */
    overCalled: boolean | null;
  };
  /** Codes of what the hard checks found, and paths at which the answers differ: names of fields, no values. */
  findings: string[];
  latencyMs: number | null;
  slmTokens: { input: number; output: number } | null;
  referenceTokens: { input: number; cached: number; output: number } | null;
  /** What asking the reference for an audit cost, in US dollars; null for unknown, absent where it was not asked. */
  auditCostUsd?: number | null;
  /** What the judge cost; null for unknown, absent where none was asked. */
  judgeCostUsd?: number | null;
}

/** A move between stages, for whoever asks why. */
export interface HistoryEntry {
  at: number;
  taskId: string;
  from: Stage;
  to: Stage;
  because: string;
  certification: Certification | null;
}

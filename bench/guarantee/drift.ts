import { afterAudit, type DriftDetector, startDetector } from "../../src/routing/guarantee/drift-detector.ts";
import { median } from "../lib/stats.ts";

/** Calm audits before a jump; an alarm among them starts the detector, and the run, anew. */
const CALM = 300;

function alarmAfter(options: { start: DriftDetector; loss: number; random: () => number; most: number }): {
  audits: number;
  detector: DriftDetector;
} {
  const { loss, random, most } = options;
  let detector = options.start;
  for (let audits = 1; audits <= most; audits++) {
    detector = afterAudit(detector, random() < loss ? 1 : 0);
    if (detector.alarmed) return { audits, detector };
  }
  return { audits: most, detector };
}

/** The median number of audits from the jump to the alarm. */
export function detectionDelay(options: {
  epsilon: number;
  alarmRate: number;
  before: number;
  jump: number;
  runs: number;
  random: () => number;
}): number {
  const { epsilon, alarmRate, before, jump, runs, random } = options;
  const start = startDetector({ epsilon, alarmRate });
  const delays: number[] = [];
  while (delays.length < runs) {
    const calm = alarmAfter({ start, loss: before, random, most: CALM });
    if (calm.detector.alarmed) continue;
    const { audits } = alarmAfter({ start: calm.detector, loss: epsilon + jump, random, most: 1_000_000 });
    delays.push(audits);
  }
  return median(delays);
}

/** False alarms an audit where the loss stays as it is; a run ends with its alarm, at the latest after `most`. */
export function falseAlarms(options: {
  epsilon: number;
  alarmRate: number;
  loss: number;
  runs: number;
  most: number;
  random: () => number;
}): number {
  const start = startDetector(options);
  let audits = 0;
  let alarms = 0;
  for (let run = 0; run < options.runs; run++) {
    const end = alarmAfter({ start, ...options });
    audits += end.audits;
    if (end.detector.alarmed) alarms += 1;
  }
  return alarms / audits;
}

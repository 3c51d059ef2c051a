import { type AskOptions, askCloud, type CloudAnswer } from "./ask-cloud.ts";
import { mayLeave } from "./may-leave.ts";
import type { RecordedCall } from "./recorded-call.ts";

const DEADLINE_MS = 300_000;

/** Asks the model that the caller named, whole, whatever the small model's answer was. Never throws. */
export function askReference(options: AskOptions & { recorded: RecordedCall }): Promise<CloudAnswer> {
  const { row, call, request } = options.recorded;
  return askCloud({
    ...options,
    call,
    request,
    model: row.requestedModel === "auto" ? null : row.requestedModel,
    keyId: row.keyId,
    mayLeave: mayLeave(row),
    deadlineMs: DEADLINE_MS,
  });
}

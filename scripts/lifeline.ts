/**
 * Calls `end` once when the process that started this one is gone, even if it was killed hard: the IPC
 * channel between the two closes then. Does nothing, and keeps nothing alive, without such a channel.
 */
export function onParentGone(end: () => void): void {
  if (process.channel === undefined || process.channel === null) return;
  process.once("disconnect", end);
  process.channel.unref();
}

/** What a child writes to its stderr around output that must not be logged. */
export const STDERR_MUTE = {
  on: "\u0001routelet-mute\u0002\n",
  off: "\u0001routelet-unmute\u0002\n",
} as const;

/** Takes a child's stderr in pieces that may end anywhere, and gives what may be logged. */
export function createStderrFilter(): (text: string) => string {
  let pending = "";
  let isMuted = false;
  return (text) => {
    pending += text;
    let shown = "";
    while (true) {
      const marker = isMuted ? STDERR_MUTE.off : STDERR_MUTE.on;
      const at = pending.indexOf(marker);
      if (at === -1) break;
      if (!isMuted) shown += pending.slice(0, at);
      pending = pending.slice(at + marker.length);
      isMuted = !isMuted;
    }
    const marker = isMuted ? STDERR_MUTE.off : STDERR_MUTE.on;
    const keep = openEnd(pending, marker);
    if (!isMuted) shown += pending.slice(0, pending.length - keep);
    pending = pending.slice(pending.length - keep);
    return shown;
  };
}

/** The length of the longest end of `text` that `marker` begins with. */
function openEnd(text: string, marker: string): number {
  for (let length = Math.min(text.length, marker.length - 1); length > 0; length--) {
    if (text.endsWith(marker.slice(0, length))) return length;
  }
  return 0;
}

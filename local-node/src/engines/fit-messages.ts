/** As much of a message as cutting a conversation needs. */
interface Said {
  role: string;
}

/**
 * Drops the oldest messages of a conversation until it fits, as `truncation: "auto"` asks (OpenAI's Responses API).
 * System messages at the beginning stay, and so does the last user message with what followed last. Whole turns go
 * first, then, in the last turn, the oldest rounds of tool calls with their results: no answer is left without its
 * question, no result without its call. `fits` is asked for some of the possible cuts, the longest fitting one is
 * returned; null: not even the shortest fits.
 */
export function fitMessages<M extends Said>(
  messages: readonly M[],
  fits: (messages: M[]) => boolean,
): M[] | null {
  const cuts = possibleCuts(messages);
  const longest = cuts[0] ?? [];
  if (fits(longest)) return longest;
  // Each cut is a part of the one before: the first that fits is found by halving.
  let tooLong = 0;
  let fitting: number | null = null;
  for (let step = cuts.length - 1; step > tooLong; ) {
    if (fits(cuts[step] ?? [])) {
      fitting = step;
      step = Math.floor((tooLong + step) / 2);
    } else {
      tooLong = step;
      if (fitting === null) return null;
      step = Math.floor((tooLong + fitting) / 2);
    }
  }
  return fitting === null ? null : (cuts[fitting] ?? null);
}

/** From all messages to the fewest that make sense, each a part of the one before. */
function possibleCuts<M extends Said>(messages: readonly M[]): M[][] {
  const first = messages.findIndex(({ role }) => role !== "system");
  if (first === -1) return [[...messages]];
  const system = messages.slice(0, first);
  const rest = messages.slice(first);

  const turns = splitBefore(rest, ({ role }) => role === "user");
  const last = turns.at(-1) ?? [];
  const cuts = turns.map((_, dropped) => [...system, ...turns.slice(dropped).flat()]);
  const [question = [], ...rounds] = splitBefore(last, ({ role }) => role === "assistant");
  for (let dropped = 1; dropped < rounds.length; dropped++) {
    cuts.push([...system, ...question, ...rounds.slice(dropped).flat()]);
  }
  return cuts;
}

function splitBefore<M>(items: readonly M[], isStart: (item: M) => boolean): M[][] {
  const parts: M[][] = [];
  for (const item of items) {
    const current = parts.at(-1);
    if (current === undefined || isStart(item)) parts.push([item]);
    else current.push(item);
  }
  return parts;
}

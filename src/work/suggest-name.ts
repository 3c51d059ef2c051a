import { callShapeOf } from "../calls/call-shape.ts";
import { NAMED_FROM, type Prompt, taskName, taskWords } from "../conversion/naming/task-name.ts";
import type { Env } from "../env.ts";
import { listCalls } from "../ledger/calls-query.ts";
import { fnv1a } from "../routing/fnv.ts";
import { recordedCall } from "./recorded-call.ts";
import type { TaskNames } from "./task-names.ts";

/** Calls that are read for a name: the newest. */
const READ_CALLS = 12;

async function promptsOf(env: Env, projectId: string, names: readonly string[]): Promise<Prompt[]> {
  const { rows } = await listCalls({ env, query: { projectId, tasks: names, limit: READ_CALLS } });
  const prompts: Prompt[] = [];
  for (const { id: callId } of rows) {
    const recorded = await recordedCall({ env, callId, projectId });
    if ("why" in recorded) continue;
    const { system, firstUser, tools } = callShapeOf(recorded.request);
    const lead = system.length > 0 ? system.join("\n") : firstUser;
    prompts.push({ lead, tools: tools.map(({ name }) => name) });
  }
  return prompts;
}

/**
 * Names a recognised task after what its prompts have in common and other tasks' have not. Of their words only hashes are
 * kept, and the name itself. Nothing where too few of its calls can be read.
 * @throws RouteletError `calls_unavailable`.
 */
export async function suggestName(options: {
  env: Env;
  projectId: string;
  taskId: string;
  /** What the task's calls are recorded under. */
  names: readonly string[];
  known: TaskNames;
}): Promise<void> {
  const { env, projectId, taskId, names, known } = options;
  const prompts = await promptsOf(env, projectId, names);
  if (prompts.length < NAMED_FROM) return;
  const words = taskWords(prompts);
  const others = known.others(taskId);
  const name = taskName({
    words,
    saidByOthers: (word) => others.reduce((all, { counts }) => all + (counts.get(fnv1a(word)) ?? 0), 0),
    otherSizes: others.map(({ counts }) => [...counts.values()].reduce((all, each) => all + each, 0)),
    taken: new Set(others.map((other) => other.name)),
  });
  if (name === null) return;
  known.keep(taskId, { name, counts: new Map([...words].map(([word, count]) => [fnv1a(word), count])) });
}

import { type Instance, instances, type World } from "./case.ts";
import { blocks } from "./cases/blocks.ts";
import { chatRules } from "./cases/chat-rules.ts";
import { clocks } from "./cases/clocks.ts";
import { commit } from "./cases/commit.ts";
import { endpoints } from "./cases/endpoints.ts";
import { errors } from "./cases/errors.ts";
import { fields } from "./cases/fields.ts";
import { finishReasons } from "./cases/finish-reasons.ts";
import { framing } from "./cases/framing.ts";
import { headers } from "./cases/headers.ts";
import { leaving } from "./cases/leaving.ts";
import { passThrough } from "./cases/pass-through.ts";
import { reasoning } from "./cases/reasoning.ts";
import { record } from "./cases/record.ts";
import { requests } from "./cases/requests.ts";
import { retries } from "./cases/retries.ts";
import { silence } from "./cases/silence.ts";
import { together } from "./cases/together.ts";
import { toolArguments } from "./cases/tool-arguments.ts";
import { toolIndex } from "./cases/tool-index.ts";
import { turns } from "./cases/turns.ts";
import { usage } from "./cases/usage.ts";

/** Every case in every combination, by trap. */
export const SUITE: readonly Instance[] = instances([
  ...framing,
  ...passThrough,
  ...silence,
  ...chatRules,
  ...usage,
  ...record,
  ...toolIndex,
  ...toolArguments,
  ...blocks,
  ...turns,
  ...reasoning,
  ...finishReasons,
  ...commit,
  ...errors,
  ...clocks,
  ...retries,
  ...leaving,
  ...headers,
  ...fields,
  ...requests,
  ...endpoints,
  ...together,
]).sort((a, b) => a.trap - b.trap);

export interface Verdict {
  instance: Instance;
  /** Null: passed. */
  reason: string | null;
}

/** What an instance did, its own failure to run included. */
export async function judge(instance: Instance, world: World): Promise<Verdict> {
  try {
    return { instance, reason: await instance.run(world) };
  } catch (error) {
    return { instance, reason: error instanceof Error ? error.message : String(error) };
  }
}

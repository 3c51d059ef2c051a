import { execFile } from "node:child_process";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { promisify } from "node:util";
import { NodeProblem } from "../node-problem.ts";
import type { ServicePlan, ServiceStep } from "./service-plan.ts";

/** Runs a program to its end; rejects with what it said when it fails. */
export type RunStep = (step: ServiceStep) => Promise<void>;

const run = promisify(execFile);

export const runStep: RunStep = async ({ command, args }) => {
  await run(command, args, { windowsHide: true, timeout: 60_000 });
};

/** Writes the files and has the system start the node, now and later. @throws {NodeProblem} */
export async function installService(plan: ServicePlan, runOne: RunStep = runStep): Promise<void> {
  for (const { path, text, encoding } of plan.files) {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text, { encoding, mode: 0o600 });
  }
  await runAll(plan, plan.install, runOne, `Its file is written: ${plan.files[0]?.path}.`);
}

/** Ends the node and removes what `installService` wrote. @throws {NodeProblem} */
export async function uninstallService(plan: ServicePlan, runOne: RunStep = runStep): Promise<void> {
  const [end, ...rest] = plan.uninstall;
  // The system must know the files to end what runs by them.
  if (end !== undefined) await runAll(plan, [end], runOne, "");
  for (const { path } of plan.files) await rm(path, { force: true });
  await runAll(plan, rest, runOne, "Its files are removed.");
}

async function runAll(
  plan: ServicePlan,
  steps: readonly ServiceStep[],
  runOne: RunStep,
  done: string,
): Promise<void> {
  for (const step of steps) {
    try {
      await runOne(step);
    } catch (error) {
      if (step.mayFail && !isMissing(error)) continue;
      throw new NodeProblem("failed", explain(plan, step, error, done), error);
    }
  }
}

const isMissing = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === "ENOENT";

function explain(plan: ServicePlan, step: ServiceStep, error: unknown, done: string): string {
  const line = `${step.command} ${step.args.join(" ")}`;
  const said = String((error as { stderr?: unknown }).stderr ?? "").trim();
  const reason = isMissing(error)
    ? `there is no ${step.command} on this machine`
    : (said.split("\n")[0] ?? "") || String(error);
  const noSystem = isMissing(error) || /connect to bus|not been booted with systemd/i.test(said);
  const remedy = noSystem
    ? `${plan.system} does not run here for this user. Log in on the machine itself (not by su or sudo), or have your own supervisor run the command that --print shows.`
    : `Mend that and run: ${line}`;
  return [`${plan.system}: ${reason}.`, done, remedy].filter((part) => part !== "").join(" ");
}

import { existsSync } from "node:fs";
import { homedir, userInfo } from "node:os";
import { resolve } from "node:path";
import { IS_CLONE } from "../daemon/installation.ts";
import { nodeCommand } from "../daemon/node-command.ts";
import { NodeProblem } from "../daemon/node-problem.ts";
import { installService, uninstallService } from "../daemon/service/manage-service.ts";
import { planService, type ServicePlan } from "../daemon/service/service-plan.ts";
import { scriptBeside } from "../script-beside.ts";
import type { Command, CommandContext } from "./command.ts";

/** Variables that the service keeps from the shell it is installed in. None of them is a secret. */
const KEPT =
  /^(ROUTELET_(CACHE|CACHE_QUOTA|MODEL|NODE_.+)|HTTPS?_PROXY|NO_PROXY|HF_ENDPOINT|PIP_INDEX_URL|PATH|LD_LIBRARY_PATH|CUDA_PATH|CUDA_VISIBLE_DEVICES)$/i;

/** A user name and password in a URL, as in some proxies' and indexes'. */
const CREDENTIALS = /\/\/[^/@\s]+@/;

export const serviceInstall: Command = {
  name: "service install",
  description: "Have the system run this node, now and after each login (systemd, launchd, Task Scheduler).",
  options: [{ flags: "--print", description: "only show the files and commands" }],
  run: async (context, _args, options) => {
    const plan = planHere(context);
    if (options.print) return print(context, plan);
    if (!existsSync(context.paths.identity)) {
      throw new NodeProblem(
        "not_joined",
        `Join a gateway first: ${nodeCommand("join <gateway url>")}. A service cannot ask for a token.`,
      );
    }
    await installService(plan);
    context.print(`${plan.system} runs the node now and after each login (${plan.files[0]?.path}).`);
    if (plan.hint !== null) context.print(plan.hint);
  },
};

export const serviceUninstall: Command = {
  name: "service uninstall",
  description: "End the service and remove it. The node's state stays.",
  run: async (context) => {
    const plan = planHere(context);
    await uninstallService(plan);
    context.print(`${plan.system} no longer runs the node.`);
  },
};

function planHere(context: CommandContext): ServicePlan {
  const { env, paths } = context;
  const script = scriptBeside("../cli", import.meta.url);
  const plan = planService({
    platform: process.platform,
    home: homedir(),
    uid: process.platform === "win32" ? 0 : userInfo().uid,
    stateFolder: paths.folder,
    env,
    program: {
      command: [
        process.execPath,
        ...(IS_CLONE ? ["--disable-warning=ExperimentalWarning"] : []),
        script,
        "run",
        "--log-format",
        "json",
      ],
      folder: paths.folder,
      env: { ROUTELET_STATE: resolve(paths.folder, ".."), ...kept(env) },
    },
  });
  if (plan === null) {
    throw new NodeProblem(
      "failed",
      `There is no service for ${process.platform} yet. Have your own supervisor run: ${nodeCommand("run")}`,
    );
  }
  return plan;
}

function kept(env: CommandContext["env"]): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) =>
      value && KEPT.test(name) && !CREDENTIALS.test(value) ? [[name, value]] : [],
    ),
  );
}

function print(context: CommandContext, plan: ServicePlan): void {
  for (const { path, text } of plan.files) {
    context.print(`# ${path}`);
    context.print(text.replaceAll("\ufeff", "").trimEnd());
  }
  for (const { command, args } of plan.install) context.print(`# then: ${[command, ...args].join(" ")}`);
}

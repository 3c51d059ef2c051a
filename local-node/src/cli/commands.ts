import { bench } from "./bench.ts";
import type { Command } from "./command.ts";
import { configInit, configPath, configSchema, configShow } from "./config.ts";
import { doctor } from "./doctor.ts";
import { join } from "./join.ts";
import { modelsLs, modelsPull, modelsRm } from "./models.ts";
import { pause, resume } from "./pause.ts";
import { run } from "./run.ts";
import { serviceInstall, serviceUninstall } from "./service.ts";
import { status } from "./status.ts";

/** Every command, in the order of `--help`. */
export const COMMANDS: readonly Command[] = [
  join,
  run,
  status,
  pause,
  resume,
  doctor,
  bench,
  modelsLs,
  modelsPull,
  modelsRm,
  configInit,
  configShow,
  configPath,
  configSchema,
  serviceInstall,
  serviceUninstall,
];

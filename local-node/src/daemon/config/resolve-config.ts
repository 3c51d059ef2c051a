import { parse, TomlError } from "smol-toml";
import type { z } from "zod";
import { NodeProblem } from "../node-problem.ts";
import { configSchema, type NodeConfig } from "./schema.ts";
import { SETTINGS, type Setting, VARIABLE_PREFIX, valueAt, withValue } from "./settings.ts";

/** Who decided a setting. */
export type Origin = "flag" | "variable" | "file" | "default";

/** Values of the command line by path; as text where a person typed them. */
export type Flags = Record<string, string | undefined>;

export interface ConfigSources {
  /** Null: there is no file. */
  file: { path: string; text: string } | null;
  env: Record<string, string | undefined>;
  flags: Flags;
}

export interface ResolvedConfig {
  config: NodeConfig;
  /** By the path of each setting. */
  origins: Record<string, Origin>;
}

/**
 * The configuration in force: flags win over variables, those over the file, and that over the defaults.
 *
 * @throws {NodeProblem} that names the file (with the line), variable or flag, and the setting
 */
export function resolveConfig(sources: ConfigSources): ResolvedConfig {
  const file = sources.file === null ? {} : parseFile(sources.file);
  const variables = fromVariables(sources.env);
  const flags = fromFlags(sources.flags);
  const merged = [...variables, ...flags].reduce(
    (root, { setting, value }) => withValue(root, setting.path, value),
    file,
  );
  const sets = (list: Given[], path: string) => list.some(({ setting }) => setting.path === path);
  const originOf = (path: string): Origin => {
    if (sets(flags, path)) return "flag";
    if (sets(variables, path)) return "variable";
    return valueAt(file, path) === undefined ? "default" : "file";
  };
  const parsed = configSchema.safeParse(merged);
  if (!parsed.success) throw problemOf(parsed.error.issues[0], { sources, originOf });
  return {
    config: parsed.data,
    origins: Object.fromEntries(SETTINGS.map(({ path }) => [path, originOf(path)])),
  };
}

interface Given {
  setting: Setting;
  value: unknown;
}

/** @throws {NodeProblem} */
export function parseFile(file: { path: string; text: string }): Record<string, unknown> {
  try {
    return parse(file.text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const [first = "it is not valid TOML"] = error.message
      .replace(/^Invalid TOML document: /, "")
      .split("\n");
    throw new NodeProblem("failed", `${file.path}, line ${error.line}: ${first}. Correct it.`, error);
  }
}

function fromVariables(env: ConfigSources["env"]): Given[] {
  const known = new Set(SETTINGS.map(({ variable }) => variable));
  const unknown = Object.keys(env).find((name) => name.startsWith(VARIABLE_PREFIX) && !known.has(name));
  if (unknown !== undefined) {
    throw new NodeProblem(
      "failed",
      `The variable ${unknown} is no setting of the node. There are: ${[...known].join(", ")}.`,
    );
  }
  return SETTINGS.flatMap((setting) => {
    const text = env[setting.variable];
    return text ? [{ setting, value: readValue(setting, text) }] : [];
  });
}

function fromFlags(flags: Flags): Given[] {
  return Object.entries(flags).flatMap(([path, text]) => {
    if (text === undefined) return [];
    const setting = SETTINGS.find((one) => one.path === path);
    if (setting === undefined) {
      throw new NodeProblem(
        "failed",
        `--set ${path}: there is no such setting. There are: ${SETTINGS.map((one) => one.path).join(", ")}.`,
      );
    }
    return [{ setting, value: readValue(setting, text) }];
  });
}

/** Text is taken as it is; anything else is read as TOML reads a value, and judged by the schema. */
function readValue(setting: Setting, text: string): unknown {
  if (setting.kind === "text") return text;
  try {
    const parsed = parse(`value = ${text}`);
    return Object.keys(parsed).length === 1 ? parsed.value : text;
  } catch {
    return text;
  }
}

function problemOf(
  issue: z.core.$ZodIssue | undefined,
  context: { sources: ConfigSources; originOf: (path: string) => Origin },
): NodeProblem {
  const keys = issue?.code === "unrecognized_keys" ? [...issue.path, issue.keys[0]] : (issue?.path ?? []);
  const path = keys.join(".");
  const setting = SETTINGS.find((one) => path === one.path || path.startsWith(`${one.path}.`));
  const where: Record<Origin, string> = {
    flag: "The command line",
    variable: `The variable ${setting?.variable}`,
    file: context.sources.file?.path ?? "The configuration",
    default: context.sources.file?.path ?? "The configuration",
  };
  const what =
    issue?.code === "unrecognized_keys" ? "there is no such setting" : (issue?.message ?? "is wrong");
  const remedy = issue?.code === "unrecognized_keys" ? `Known are: ${siblings(path)}.` : "Correct it.";
  return new NodeProblem(
    "failed",
    `${where[setting === undefined ? "file" : context.originOf(setting.path)]}: ${path || "the file"}: ${what}. ${remedy}`,
  );
}

/** The keys that could have been meant. */
function siblings(path: string): string {
  const parent = path.split(".").slice(0, -1);
  const prefix = parent.length === 0 ? "" : `${parent.join(".")}.`;
  const names = SETTINGS.filter((one) => one.path.startsWith(prefix)).map((one) => one.path);
  return (names.length > 0 ? names : SETTINGS.map((one) => one.path)).join(", ");
}

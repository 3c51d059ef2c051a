import { isDeepStrictEqual } from "node:util";
import { parse } from "smol-toml";
import { assignment, listEntry, renderConfig } from "./render-config.ts";
import { configSchema } from "./schema.ts";
import { SETTINGS, valueAt, withValue } from "./settings.ts";

/**
 * The text of a configuration file with other values, everything else as its owner wrote it. Where the text is laid
 * out in a way that lines cannot be exchanged in, the file is written anew, and `rewritten` says so: comments of the
 * owner are then gone.
 *
 * @param text valid TOML
 * @param values by path; a list of tables replaces the list
 */
export function putSettings(
  text: string,
  values: Record<string, unknown>,
): { text: string; rewritten: boolean } {
  const before = parse(text) as Record<string, unknown>;
  const changes = Object.entries(values).filter(
    ([path, value]) => !isDeepStrictEqual(valueAt(plain(before), path), plain(value)),
  );
  const wanted = changes.reduce((root, [path, value]) => withValue(root, path, value), before);
  const edited = changes.reduce((lines, [path, value]) => putOne(lines, path, value), text.split("\n"));
  if (isSame(edited.join("\n"), wanted)) return { text: edited.join("\n"), rewritten: false };
  return { text: renderConfig(wanted), rewritten: true };
}

function putOne(lines: string[], path: string, value: unknown): string[] {
  if (SETTINGS.find((setting) => setting.path === path)?.kind === "tables") {
    const kept = trimmed(withoutList(lines, path));
    const blocks = (value as Record<string, unknown>[]).flatMap((row) => [
      "",
      ...listEntry(path, row).split("\n"),
    ]);
    return [...kept, ...blocks, ""];
  }
  const table = path.split(".").slice(0, -1).join(".");
  const key = path.split(".").pop() ?? path;
  const line = assignment(path, value);
  const { start, end } = sectionOf(lines, table);
  if (start === null) return [...trimmed(lines), "", `[${table}]`, line, ""];
  const within = (pattern: RegExp) =>
    lines.findIndex((one, index) => index >= start && index < end && pattern.test(one));
  const set = within(new RegExp(`^\\s*${key}\\s*=`));
  const commented = within(new RegExp(`^\\s*#\\s*${key}\\s*=`));
  if (set !== -1) return lines.toSpliced(set, 1, line);
  if (commented !== -1) return lines.toSpliced(commented, 1, line);
  return lines.toSpliced(table === "" ? trimmed(lines.slice(0, end)).length : start, 0, line);
}

const HEADER = /^\s*\[/;

/** The lines of a table, behind its header; `start` null where it has none. The root is before the first header. */
function sectionOf(lines: string[], table: string): { start: number | null; end: number } {
  const header =
    table === "" ? -1 : lines.findIndex((line) => line.trim().replace(/\s*#.*$/, "") === `[${table}]`);
  if (table !== "" && header === -1) return { start: null, end: 0 };
  const next = lines.findIndex((line, index) => index > header && HEADER.test(line));
  return { start: header + 1, end: next === -1 ? lines.length : next };
}

/** Without the blocks of a list of tables. */
function withoutList(lines: string[], path: string): string[] {
  let inside = false;
  return lines.filter((line) => {
    if (HEADER.test(line)) inside = line.trim().startsWith(`[[${path}]]`);
    return !inside;
  });
}

function trimmed(lines: string[]): string[] {
  const last = lines.findLastIndex((line) => line.trim() !== "");
  return lines.slice(0, last + 1);
}

/** Whether a text means the same settings; an empty list and none are the same. */
function isSame(text: string, wanted: Record<string, unknown>): boolean {
  try {
    const meant = configSchema.safeParse(plain(parse(text)));
    return meant.success && isDeepStrictEqual(meant.data, configSchema.safeParse(plain(wanted)).data);
  } catch {
    return false;
  }
}

/** TOML's tables have no prototype, which is no difference here. */
function plain<T>(value: T): T {
  return structuredClone(value);
}

import { stringify } from "smol-toml";
import { type Setting, TABLES, type Table, valueAt } from "./settings.ts";

const WIDTH = 100;

const HEAD = `#:schema ./config.schema.json
# Settings of this node. A line that is commented out shows the default, or an example where there is none.
# Flags of the command line win over environment variables, and those over this file.`;

/** The whole file with a comment for every setting; those in `values` are set. */
export function renderConfig(values: Record<string, unknown>): string {
  return `${[HEAD, ...TABLES.map((table) => renderTable(table, values))].join("\n\n")}\n`;
}

function renderTable(table: Table, values: Record<string, unknown>): string {
  // A list of tables is a section of its own in TOML, and would take what follows it.
  const plain = table.settings.filter((setting) => setting.kind !== "tables");
  const lists = table.settings.filter((setting) => setting.kind === "tables");
  const header = [
    ...(table.description === null ? [] : comment(table.description)),
    ...(table.path === "" || plain.length === 0 ? [] : [`[${table.path}]`]),
  ];
  const settings = plain.map((setting) => renderSetting(setting, valueAt(values, setting.path)));
  const sections = lists.map((setting) => renderList(setting, valueAt(values, setting.path)));
  const body = settings.join("\n\n");
  const first = [header.join("\n"), body].filter((part) => part !== "").join("\n");
  return [first, ...sections].filter((part) => part !== "").join("\n\n");
}

function renderSetting(setting: Setting, value: unknown): string {
  const line = assignment(setting.path, value ?? setting.example);
  return [...comment(setting.description), value === undefined ? `# ${line}` : line].join("\n");
}

function renderList(setting: Setting, value: unknown): string {
  const set = Array.isArray(value) && value.length > 0;
  const rows = set ? value : (setting.example as unknown[]);
  const blocks = rows.map((row) => listEntry(setting.path, row as Record<string, unknown>));
  return [
    ...comment(setting.description),
    ...(set ? blocks : blocks.flatMap((block) => block.split("\n").map((line) => `# ${line}`))),
  ].join("\n");
}

/** `key = value`, with the last key of the path. */
export function assignment(path: string, value: unknown): string {
  return stringify({ [path.split(".").pop() ?? path]: value }).trim();
}

/** `[[path]]` and what is in it. */
export function listEntry(path: string, row: Record<string, unknown>): string {
  return `[[${path}]]\n${stringify(row).trim()}`;
}

function comment(text: string): string[] {
  const lines: string[] = [];
  let line = "#";
  for (const word of text.split(" ").filter((one) => one !== "")) {
    if (line.length + word.length >= WIDTH) {
      lines.push(line);
      line = "#";
    }
    line += ` ${word}`;
  }
  return line === "#" ? lines : [...lines, line];
}

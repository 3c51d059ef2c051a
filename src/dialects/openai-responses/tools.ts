import type { Tool } from "../model-request.ts";
import { fieldPath, readWith, unknownFields } from "../read-json.ts";
import { isHostedTool } from "./hosted.ts";
import {
  customTool,
  functionTool,
  namespaceTool,
  type ResponsesRequest,
  searchTool,
  toolSearchOutput,
} from "./request-schema.ts";

/** How this dialect calls a tool that elsewhere is a function with one flat name. */
export interface ToolForm {
  name: string;
  /** The namespace that it stands in; null for a tool of its own. */
  namespace: string | null;
  /** `custom` takes text in place of JSON; `tool_search` is the caller's own search in tools that it has not sent. */
  kind: "function" | "custom" | "tool_search";
}

/** The tools of a request as functions, and how to call them in this dialect again. */
export interface ReadTools {
  tools: Tool[];
  /** By flat name. */
  forms: ReadonlyMap<string, ToolForm>;
  /** Paths of tools that only a backend of this dialect has. */
  native: string[];
  /** Paths of those that OpenAI runs itself. */
  hosted: string[];
}

/** One name for a tool in a namespace; other dialects have none. */
export function flatName(name: string, namespace: string | null | undefined): string {
  return namespace == null ? name : `${namespace}__${name}`;
}

const TEXT_INPUT = {
  type: "object",
  properties: { input: { type: "string", description: "The tool's whole input, as plain text." } },
  required: ["input"],
  additionalProperties: false,
};

/** The arguments of a function that stands for a custom tool. */
export function customArguments(input: string): string {
  return JSON.stringify({ input });
}

/** The text that a model gave to a custom tool; what is no such object was meant as the text itself. */
export function customInput(written: string): string {
  try {
    const json: unknown = JSON.parse(written);
    if (typeof json === "object" && json !== null) {
      if ("input" in json && typeof json.input === "string") return json.input;
      if (Object.keys(json).length === 0) return "";
    }
  } catch {
    // A model that leaves the JSON out has written the text.
  }
  return written;
}

/** The name of a caller's own tool search as a function; it has none here. */
export const SEARCH_NAME = "tool_search";

const paragraphs = (texts: readonly (string | null | undefined)[]): string | null => {
  const said = texts.filter((text) => text != null && text !== "");
  return said.length === 0 ? null : said.join("\n\n");
};

type Path = readonly (string | number)[];

interface ReadTool {
  tool: Tool;
  kind: ToolForm["kind"];
}

const isClientSearch = (tool: { type: string }): boolean =>
  tool.type === "tool_search" && "execution" in tool && tool.execution === "client";

/** Null for a tool that is not the caller's own. */
function readTool(tool: { type: string }, at: Path, about: string | null): ReadTool | null {
  if (tool.type === "function") {
    const { name, description, parameters, strict } = readWith(functionTool, tool, [...at]);
    const said = paragraphs([about, description]);
    const read = { name, description: said, parameters: parameters ?? null, strict: strict ?? null };
    return { tool: read, kind: "function" };
  }
  if (isClientSearch(tool)) {
    const { description, parameters } = readWith(searchTool, tool, [...at]);
    const read = { description: description ?? null, parameters: parameters ?? null, strict: null };
    return { tool: { name: SEARCH_NAME, ...read }, kind: "tool_search" };
  }
  if (tool.type !== "custom") return null;
  const { name, description, format } = readWith(customTool, tool, [...at]);
  // No other dialect holds a model to a grammar, so the model is told of it.
  const grammar =
    format?.type === "grammar"
      ? `\`input\` must match this ${format.syntax} grammar:\n${format.definition}`
      : null;
  const said = paragraphs([about, description, grammar]);
  return { tool: { name, description: said, parameters: TEXT_INPUT, strict: null }, kind: "custom" };
}

const TOOL_FIELDS: Record<ToolForm["kind"], ReadonlySet<string>> = {
  function: new Set(["type", "name", "description", "parameters", "strict"]),
  custom: new Set(["type", "name", "description", "format"]),
  tool_search: new Set(["type", "description", "parameters", "execution"]),
};

/** Tools that the caller's own tool search has found in earlier turns: they may be called from then on. */
function foundTools(input: ResponsesRequest["input"]): { tools: { type: string }[]; at: Path }[] {
  if (!Array.isArray(input)) return [];
  return input.flatMap((item, index) =>
    item.type === "tool_search_output"
      ? { tools: readWith(toolSearchOutput, item, ["input", index]).tools, at: ["input", index, "tools"] }
      : [],
  );
}

/**
 * Functions, custom tools, both in namespaces, and the caller's own tool search with what it found; all else is OpenAI's,
 * most of it hosted. A tool whose flat name another has already counts as native too, since a call could not be told apart.
 *
 * @throws RouteletError `invalid_type` with the tool's path.
 */
export function readTools({ tools: given, input }: Pick<ResponsesRequest, "tools" | "input">): ReadTools {
  const tools: Tool[] = [];
  const forms = new Map<string, ToolForm>();
  const native: string[] = [];
  const hosted: string[] = [];

  const take = (
    tool: { type: string },
    at: Path,
    from: { space: { name: string; about: string | null } | null; again: boolean },
  ): void => {
    const read = readTool(tool, at, from.space?.about ?? null);
    const flat = flatName(read?.tool.name ?? "", from.space?.name);
    // A search may find what an earlier one has found.
    if (read !== null && forms.has(flat) && from.again) return;
    if (read === null || forms.has(flat)) {
      (read === null && isHostedTool(tool) ? hosted : native).push(fieldPath([...at]));
      return;
    }
    // What the caller's own search has found is loaded, whatever it says.
    if (!from.again) native.push(...unknownFields(tool, TOOL_FIELDS[read.kind], at));
    forms.set(flat, { name: read.tool.name, namespace: from.space?.name ?? null, kind: read.kind });
    tools.push({ ...read.tool, name: flat });
  };
  const takeAll = (list: readonly { type: string }[], at: Path, again: boolean): void => {
    for (const [index, tool] of list.entries()) {
      const place = [...at, index];
      if (tool.type !== "namespace") {
        take(tool, place, { space: null, again });
        continue;
      }
      const { name, description, tools: inner } = readWith(namespaceTool, tool, place);
      const space = { name, about: description ?? null };
      for (const [within, one] of inner.entries()) take(one, [...place, "tools", within], { space, again });
    }
  };

  takeAll(given ?? [], ["tools"], false);
  for (const found of foundTools(input)) takeAll(found.tools, found.at, true);
  return { tools, forms, native, hosted };
}

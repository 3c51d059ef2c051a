import { isObject } from "../../../dialects/json.ts";
import type { Asked, OfferedTool, SlmAnswer } from "../answer.ts";
import { wordsOf, wordsOfName } from "./words.ts";

/** English words that every request has. Others weigh little, since they are in no tool's text either. */
const COMMON = new Set(
  "a an and are as at be by can could do does for from get give has have how i if in is it its me my need of on or please show tell that the their them these this to want was we what when where which will with would you your".split(
    " ",
  ),
);

/** Words that share their first letters are forms of one another, often enough for a feature. */
const STEM = 5;
const stem = (word: string): string => word.slice(0, STEM);

const content = (words: readonly string[]): Set<string> =>
  new Set(words.filter((word) => word.length > 1 && !COMMON.has(word) && !/^\d+$/.test(word)).map(stem));

/** A tool's own words: name, description, and those of its arguments. */
function toolWords(tool: OfferedTool): { name: Set<string>; all: Set<string> } {
  const name = content(wordsOfName(tool.name));
  const properties = isObject(tool.parameters?.properties) ? tool.parameters.properties : {};
  const texts = Object.entries(properties).flatMap(([argument, schema]) => [
    ...wordsOfName(argument),
    ...wordsOf(isObject(schema) && typeof schema.description === "string" ? schema.description : ""),
  ]);
  return { name, all: new Set([...name, ...content([...wordsOf(tool.description ?? ""), ...texts])]) };
}

function overlap(words: ReadonlySet<string>, others: ReadonlySet<string>): number {
  if (words.size === 0) return 0;
  let shared = 0;
  for (const word of words) if (others.has(word)) shared++;
  return shared / words.size;
}

/** How a request fits a tool: the share of the request's words that are the tool's, and of its name's in the request. */
function match(request: ReadonlySet<string>, tool: OfferedTool): { request: number; name: number } {
  const { name, all } = toolWords(tool);
  return { request: overlap(request, all), name: overlap(name, request) };
}

/**
 * Whether a tool is called for: small models' commonest failure is a call where no tool applies. `called` is the fit of
 * the worst of the tools that were called, null where none was; `best` that of the best of those offered.
 */
export function toolFit(
  asked: Asked,
  answer: SlmAnswer,
): { called: number | null; calledName: number | null; best: number } {
  const request = content(wordsOf(asked.request));
  const fits = new Map(asked.tools.map((tool) => [tool.name, match(request, tool)]));
  const called = answer.calls.flatMap(({ name }) => fits.get(name) ?? []);
  return {
    called: called.length === 0 ? null : Math.min(...called.map((each) => each.request)),
    calledName: called.length === 0 ? null : Math.min(...called.map((each) => each.name)),
    best: Math.max(0, ...[...fits.values()].map((each) => each.request)),
  };
}

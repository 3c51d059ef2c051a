import type { ToolCall } from "../../chat-messages.ts";
import type { RenderJinja } from "../template/jinja.ts";
import {
  callingMessage,
  type TemplateMessage,
  type TemplateTool,
  type ToolTraits,
} from "../template/traits.ts";
import { leadOf, type PairSyntax, type Part, type ToolSyntax, writeCalls } from "./syntax.ts";

/** Names and values of the probes: none is a part of another, or comes in templates. Their order is alphabetical. */
const TEXT_KEY = "probe_a";
const COUNT_KEY = "probe_b";
const TEXT = "probe text";
const COUNT = 7;
const FIRST: ToolCall = {
  id: "probeid01",
  name: "probe_first",
  arguments: { [TEXT_KEY]: TEXT, [COUNT_KEY]: COUNT },
};
const SECOND: ToolCall = { ...FIRST, id: "probeid02", name: "probe_second" };
const THIRD: ToolCall = { ...FIRST, id: "probeid03", name: "probe_third" };
const REVERSED: ToolCall = {
  ...FIRST,
  arguments: { [COUNT_KEY]: COUNT, [TEXT_KEY]: TEXT },
};
const BARE: ToolCall = { id: "probeid04", name: "probe_bare", arguments: {} };
/** As JSON, with whatever spaces. */
const JSON_ARGUMENTS = new RegExp(
  `\\{\\s*"${TEXT_KEY}"\\s*:\\s*"${TEXT}"\\s*,\\s*"${COUNT_KEY}"\\s*:\\s*${COUNT}\\s*\\}`,
);
/** Stands for a reply's content: no template has it. */
const CONTENT = "\uE000";
const EMPTY_THOUGHT = /^\s*<think>\s*<\/think>\s*/;
/** How calls may begin: with markup or as JSON. Anything else cannot be told from text. */
const LEAD = /^(?:<|\[[A-Z_]+\]|\{)/;

/**
 * Finds out how a template writes calls, by rendering some and comparing: the syntax that it shows in the history is
 * the one that its model was trained to write. Null: it writes them in a way that this code does not understand.
 * `endTexts` are the texts of tokens that end a reply.
 */
export function deriveSyntax(options: {
  render: RenderJinja;
  traits: ToolTraits;
  endTexts: readonly string[];
}): ToolSyntax | null {
  const reply = (...calls: ToolCall[]): string | null => {
    try {
      return renderReply(calls, options);
    } catch {
      return null; // the template refuses this
    }
  };
  const one = reply(FIRST);
  const two = reply(FIRST, SECOND);
  if (one === null) return null;
  // What was derived must write all that the template does. Some number their calls: those get one at a time.
  const writes = (syntax: ToolSyntax, calls: ToolCall[]): boolean =>
    writeCalls(syntax, calls) === reply(...calls);
  const single = splitCalls(one, null);
  if (
    single === null ||
    !LEAD.test(leadOf(single)) ||
    ![[FIRST], [BARE]].every((calls) => writes(single, calls))
  ) {
    return null;
  }
  const several = two === null ? null : splitCalls(one, two);
  // Only now: the probe's names are in order.
  const sorted = reply(REVERSED) === one;
  for (const pairs of [single.pairs, several?.pairs]) if (pairs) pairs.sorted = sorted;
  const proves =
    several !== null && [[FIRST], [BARE], [FIRST, SECOND, THIRD]].every((calls) => writes(several, calls));
  return proves ? several : single;
}

/** The text of a reply that makes these calls, without what ends it. */
function renderReply(
  calls: readonly ToolCall[],
  { render, traits, endTexts }: Parameters<typeof deriveSyntax>[0],
): string {
  const whole = (reply: TemplateMessage): string =>
    render({
      messages: [{ role: "user", content: "Probe question" }, reply],
      tools: [FIRST, SECOND, THIRD, BARE].map(toTool),
    });
  const plain = whole({ role: "assistant", content: CONTENT });
  const calling = whole(callingMessage(traits, { content: "", calls }));
  const ending = plain.slice(plain.lastIndexOf(CONTENT) + 1);
  const reply = calling.slice(beginningOfReply(plain, calling)).replace(EMPTY_THOUGHT, "");
  const ends = endTexts.map((text) => reply.indexOf(text)).filter((at) => at !== -1);
  if (ending !== "" && reply.endsWith(ending)) ends.push(reply.length - ending.length);
  return reply.slice(0, Math.min(reply.length, ...ends));
}

/** Where two renderings part, but not inside of a tag. */
function beginningOfReply(plain: string, calling: string): number {
  let at = 0;
  while (at < calling.length && calling[at] === plain[at]) at++;
  const common = calling.slice(0, at);
  const opened = common.lastIndexOf("<");
  return opened > common.lastIndexOf(">") ? opened : at;
}

function toTool({ name, arguments: values }: ToolCall): TemplateTool {
  const properties = {
    [TEXT_KEY]: { type: "string", description: "A text." },
    [COUNT_KEY]: { type: "integer", description: "A number." },
  };
  return {
    type: "function",
    function: {
      name,
      description: "A tool.",
      parameters:
        Object.keys(values).length === 0
          ? { type: "object", properties: {}, required: [] }
          : { type: "object", properties, required: [TEXT_KEY, COUNT_KEY] },
    },
  };
}

/** One call, taken apart: everything before its name, between name and arguments, and behind them. */
interface CallText {
  before: string;
  after: string;
  inside: string;
  pairs: PairSyntax | null;
}

function splitCalls(one: string, two: string | null): ToolSyntax | null {
  const single = splitCall(one, FIRST, one.length);
  if (single === null) return null;
  if (two === null) {
    return assemble(single, { open: single.before, close: single.after, separator: "", several: false });
  }
  const secondName = two.indexOf(SECOND.name);
  const first = splitCall(two, FIRST, secondName);
  if (first === null || secondName === -1) return null;
  // `first.after` is the first call's close, the separator and the second call's open.
  const open = commonEnd(single.before, withoutIds(first.after));
  const closeAndSeparator = first.after.slice(0, first.after.length - open.length);
  const close = commonStart(closeAndSeparator, single.after);
  const separator = closeAndSeparator.slice(close.length);
  return assemble(single, { open, close, separator, several: true });
}

/** Ids differ from call to call. */
function withoutIds(text: string): string {
  return text.replaceAll(SECOND.id, FIRST.id);
}

function assemble(
  call: CallText,
  { open, close, separator, several }: { open: string; close: string; separator: string; several: boolean },
): ToolSyntax {
  return {
    start: call.before.slice(0, call.before.length - open.length),
    open: [...withSlots(open), { slot: "name" }, ...withSlots(call.inside)],
    pairs: call.pairs,
    close: withSlots(close),
    separator,
    end: call.after.slice(close.length),
    several,
  };
}

function withSlots(text: string): Part[] {
  return text
    .split(FIRST.id)
    .flatMap((part, index): Part[] => (index === 0 ? [part] : [{ slot: "id" }, part]))
    .filter((part) => part !== "");
}

/** `end`: where the text stops to be of this call. */
function splitCall(text: string, call: ToolCall, end: number): CallText | null {
  const name = text.indexOf(call.name);
  if (name === -1) return null;
  const before = text.slice(0, name);
  const rest = text.slice(name + call.name.length, end);
  const json = JSON_ARGUMENTS.exec(rest);
  if (json !== null) {
    return {
      before,
      inside: rest.slice(0, json.index),
      after: rest.slice(json.index + json[0].length),
      pairs: null,
    };
  }
  return splitPairs(before, rest);
}

function splitPairs(before: string, rest: string): CallText | null {
  const parts = new RegExp(`^(.*?)${TEXT_KEY}(.*?)${TEXT}(.*?)${COUNT_KEY}(.*?)${COUNT}(.*)$`, "s").exec(
    rest,
  );
  if (parts === null) return null;
  const [, first = "", textBetween = "", middle = "", countBetween = "", last = ""] = parts;
  const quote = quoteOf(textBetween, countBetween);
  if (quote !== null && !middle.startsWith(quote)) return null;
  const behindText = middle.slice(quote?.length ?? 0);
  const pairBefore = commonEnd(first, behindText);
  const afterAndSeparator = behindText.slice(0, behindText.length - pairBefore.length);
  const after = commonStart(afterAndSeparator, last);
  return {
    before,
    inside: first.slice(0, first.length - pairBefore.length),
    after: last.slice(after.length),
    pairs: {
      before: pairBefore,
      between: { text: textBetween.slice(0, textBetween.length - (quote?.length ?? 0)), other: countBetween },
      after,
      separator: afterAndSeparator.slice(after.length),
      quote,
      sorted: false,
    },
  };
}

/** What stands around a text and not around a number; null: nothing. */
function quoteOf(textBetween: string, countBetween: string): string | null {
  if (!textBetween.startsWith(countBetween) || textBetween === countBetween) return null;
  return textBetween.slice(countBetween.length);
}

function commonStart(a: string, b: string): string {
  let length = 0;
  while (length < a.length && length < b.length && a[length] === b[length]) length++;
  return a.slice(0, length);
}

/** What both end with, from a whole tag on. */
function commonEnd(a: string, b: string): string {
  let length = 0;
  while (length < a.length && length < b.length && a.at(-1 - length) === b.at(-1 - length)) length++;
  return a.slice(a.length - length).replace(/^[^<>]*>/, "");
}

import { isObject, type Json, parseJson } from "../json.ts";

export const textOf = (value: unknown): string => (typeof value === "string" ? value : "");

export const textOrNull = (value: unknown): string | null => (typeof value === "string" ? value : null);

/** A count of tokens, or null where there is none that makes sense. */
export const countOf = (value: unknown): number | null =>
  typeof value === "number" && Number.isFinite(value) && value >= 0 ? value : null;

/** One event of a message's stream. */
export interface WireEvent extends Json {
  type: string;
}

/**
 * Reads an event's data; null when it is no event. The type stands in the data; a server that leaves it out there and
 * has it as the event's name is understood. Hand-written: this is done for every token.
 */
export function readWireEvent(data: string, name: string | null): WireEvent | null {
  const json = parseJson(data);
  if (!isObject(json)) return null;
  if (typeof json.type === "string") return json as WireEvent;
  return name === null ? null : { ...json, type: name };
}

/** A whole server-sent event as Anthropic writes it: the SDKs read no event without its name. */
export function writeWireEvent(event: WireEvent): string {
  return `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
}

/** A tool's input from the text of its arguments: the API demands an object, whatever a model wrote. */
export function toolInput(argumentsText: string): Json {
  const json = argumentsText.trim() === "" ? {} : parseJson(argumentsText);
  return isObject(json) ? json : { unparsed_arguments: argumentsText };
}

import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { PrivateKind } from "../../src/conversion/privacy/span.ts";
import { readRecords } from "../lib/data.ts";
import type { BenchOptions } from "../lib/report.ts";

/** A place in a text, in UTF-16 units, and what stands there by the labels' names. */
export interface LabelledSpan {
  entity_type: string;
  start: number;
  end: number;
}

/** A sentence of `microsoft/presidio-research`, with what is labelled in it. */
export interface LabelledText {
  text: string;
  spans: LabelledSpan[];
}

/** Their kinds that a form tells, by ours. What they call a domain name is a whole link. */
export const LABELS: Readonly<Record<string, PrivateKind>> = {
  CREDIT_CARD: "card",
  IBAN_CODE: "iban",
  EMAIL_ADDRESS: "email",
  IP_ADDRESS: "ip",
  US_SSN: "ssn",
  DOMAIN_NAME: "url",
  URL: "url",
  PHONE_NUMBER: "phone",
};

/** Python counts characters, JavaScript UTF-16 units. */
const unitsBefore = (text: string, characters: number): number =>
  Array.from(text).slice(0, characters).join("").length;

export function readLabelled(options: BenchOptions): LabelledText[] {
  const records = readRecords<{
    full_text: string;
    spans: { entity_type: string; start_position: number; end_position: number }[];
  }>(options, "pii/presidio-synth.jsonl");
  return records.map(({ full_text: text, spans }) => ({
    text,
    spans: spans.map(({ entity_type, start_position, end_position }) => ({
      entity_type,
      start: unitsBefore(text, start_position),
      end: unitsBefore(text, end_position),
    })),
  }));
}

const SCRIPT = fileURLToPath(new URL("presidio.py", import.meta.url));

/** What Presidio itself finds, by its own names, where `PRESIDIO_PYTHON` is an interpreter that has it; null elsewhere. */
export function foundByPresidio(
  texts: readonly string[],
  env: NodeJS.ProcessEnv,
): { about: string; spans: LabelledSpan[][] } | null {
  if (!env.PRESIDIO_PYTHON) return null;
  const output = execFileSync(env.PRESIDIO_PYTHON, [SCRIPT], {
    input: JSON.stringify(texts),
    encoding: "utf8",
    maxBuffer: 256 * 1024 * 1024,
    stdio: ["pipe", "pipe", "ignore"],
  });
  const { about, found } = JSON.parse(output) as { about: string; found: [string, number, number][][] };
  return {
    about,
    spans: found.map((each, at) =>
      each.map(([entity_type, start, end]) => ({
        entity_type,
        start: unitsBefore(texts[at] ?? "", start),
        end: unitsBefore(texts[at] ?? "", end),
      })),
    ),
  };
}

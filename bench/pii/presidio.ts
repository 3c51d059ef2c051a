import type { PrivateKind } from "../../src/conversion/privacy/span.ts";
import { readRecords } from "../lib/data.ts";
import type { BenchOptions } from "../lib/report.ts";

/** A sentence of `microsoft/presidio-research`, with what is labelled in it. */
export interface LabelledText {
  full_text: string;
  spans: { entity_type: string; start_position: number; end_position: number }[];
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

export const readLabelled = (options: BenchOptions): LabelledText[] =>
  readRecords<LabelledText>(options, "pii/presidio-synth.jsonl");

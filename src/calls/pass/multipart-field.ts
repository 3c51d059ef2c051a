import { byteSearch } from "../../byte-search.ts";
import { joinBytes } from "../../bytes.ts";

const CR = 0x0d;
const DECODER = new TextDecoder();
const ENCODER = new TextEncoder();

const HEADERS_END = ENCODER.encode("\r\n\r\n");
const headersEndIn = byteSearch(HEADERS_END);

/** Longer headers of a part are nobody's form. */
const MAX_PART_HEADERS = 16 * 1024;

const BOUNDARY = /^multipart\/form-data\s*;.*?\bboundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))/i;

/** The boundary of a form's content type (RFC 7578, RFC 2046 section 5.1.1); null when it is no form. */
function boundaryOf(contentType: string): string | null {
  const match = BOUNDARY.exec(contentType);
  return match?.[1] ?? match?.[2] ?? null;
}

/** A text field of a form: its value, and where that stands in the bytes. */
export interface FormField {
  value: string;
  start: number;
  end: number;
}

const NAME = /^content-disposition:\s*form-data\s*;.*?\bname=(?:"((?:[^"\\]|\\.)*)"|([^\s;]+))/im;

/** The fields of a name that hold text, not a file, in the order of the form. */
export function formFields(options: { bytes: Uint8Array; contentType: string; name: string }): FormField[] {
  const { bytes, name } = options;
  const boundary = boundaryOf(options.contentType);
  if (boundary === null) return [];
  const delimiter = ENCODER.encode(`\r\n--${boundary}`);
  const delimiterIn = byteSearch(delimiter);
  const found: FormField[] = [];
  // The first delimiter has no line before it.
  let at = byteSearch(delimiter.subarray(2))(bytes);
  if (at < 0) return [];
  at += delimiter.length - 2;
  while (bytes[at] === CR) {
    const end = delimiterIn(bytes, at);
    const head = headersEndIn(bytes, at);
    if (end < 0 || head < 0 || head > end || head - at > MAX_PART_HEADERS) return found;
    const headers = DECODER.decode(bytes.subarray(at + 2, head));
    const match = NAME.exec(headers);
    const start = head + HEADERS_END.length;
    if ((match?.[1] ?? match?.[2]) === name && !/\bfilename\*?=/i.test(headers))
      found.push({ value: DECODER.decode(bytes.subarray(start, end)), start, end });
    at = end + delimiter.length;
  }
  return found;
}

/** The same form with another value in a field; all other bytes stay. */
export function withFormField(bytes: Uint8Array, field: FormField, value: string): Uint8Array {
  return joinBytes([bytes.subarray(0, field.start), ENCODER.encode(value), bytes.subarray(field.end)]);
}

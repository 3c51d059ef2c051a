/** Start line and headers of an HTTP/1.1 message, as they came. */
export interface MessageHead {
  startLine: string;
  /** In their order, names in lower case. */
  headers: readonly (readonly [name: string, value: string])[];
}

export const HEAD_END = "\r\n\r\n";

/** Parses what stands before the empty line. */
export function parseHead(text: string): MessageHead {
  const [startLine = "", ...lines] = text.split("\r\n");
  return {
    startLine,
    headers: lines.map((line) => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim()] as const;
    }),
  };
}

/** Headers by name; several of one name are joined as RFC 9110 section 5.3 says. */
export function headerMap(head: MessageHead): Record<string, string> {
  const map: Record<string, string> = {};
  for (const [name, value] of head.headers)
    map[name] = map[name] === undefined ? value : `${map[name]}, ${value}`;
  return map;
}

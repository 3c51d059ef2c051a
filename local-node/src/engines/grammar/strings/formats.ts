import type { Automaton } from "./automaton.ts";
import { patternAutomaton } from "./pattern.ts";

const OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])";
const IPV4 = `${OCTET}(?:\\.${OCTET}){3}`;
const IPV6 = ipv6();
const LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?";
const HOSTNAME = `${LABEL}(?:\\.${LABEL})*`;
const LEAP_YEAR = "(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)";
const DATE =
  "(?:[0-9]{4}-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)" +
  `|${LEAP_YEAR}-02-29)`;
const OFFSET = "(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])";
const TIME = `(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\\.[0-9]{1,9})?${OFFSET}`;
const ATOM = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+";
const DURATION_TIME = "T(?:[0-9]+H(?:[0-9]+M(?:[0-9]+S)?)?|[0-9]+M(?:[0-9]+S)?|[0-9]+S)";
const DURATION_DATE = "(?:[0-9]+Y(?:[0-9]+M(?:[0-9]+D)?)?|[0-9]+M(?:[0-9]+D)?|[0-9]+D)";
const ESCAPED = "%[0-9A-Fa-f]{2}";
const URI_CHARACTER = `(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|${ESCAPED})`;
const URI_PART = `(?:${URI_CHARACTER}|/)*`;
const URI_TAIL = `(?:\\?(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|${ESCAPED})*)?(?:#(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|${ESCAPED})*)?`;
const AUTHORITY = `(?:(?:[A-Za-z0-9._~!$&'()*+,;=:-]|${ESCAPED})*@)?(?:\\[${IPV6}\\]|(?:[A-Za-z0-9._~!$&'()*+,;=-]|${ESCAPED})*)(?::[0-9]*)?`;

/**
 * The formats of JSON Schema (2020-12, section 7.3) that are enforced, as regular expressions; a format that is not
 * here says nothing about the value, as the specification has it. Where its RFC allows several spellings the common one
 * is taken: no quoted names in e-mail addresses, upper-case `T` and `Z`, no leap seconds.
 */
const FORMATS: Readonly<Record<string, string>> = {
  date: `^${DATE}$`,
  time: `^${TIME}$`,
  "date-time": `^${DATE}T${TIME}$`,
  duration: `^P(?:${DURATION_DATE}(?:${DURATION_TIME})?|${DURATION_TIME}|[0-9]+W)$`,
  email: `^${ATOM}(?:\\.${ATOM})*@${HOSTNAME}$`,
  hostname: `^${HOSTNAME}$`,
  ipv4: `^${IPV4}$`,
  ipv6: `^${IPV6}$`,
  uuid: "^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}$",
  uri: `^[A-Za-z][A-Za-z0-9+.-]*:(?://${AUTHORITY}(?:/${URI_PART})?|/?(?:${URI_CHARACTER}${URI_PART})?)${URI_TAIL}$`,
  "json-pointer": "^(?:/(?:[^~/]|~[01])*)*$",
};

export const FORMAT_NAMES: readonly string[] = Object.keys(FORMATS);

const automata = new Map<string, Automaton>();

/** The strings of one of `FORMATS`. */
export function formatAutomaton(format: string): Automaton {
  const automaton = automata.get(format) ?? patternAutomaton(FORMATS[format] ?? "");
  automata.set(format, automaton);
  return automaton;
}

/** RFC 4291, without zone. One `::` stands for one group or more. */
function ipv6(): string {
  const group = "[0-9A-Fa-f]{1,4}";
  const forms = [`(?:${group}:){7}${group}`, `(?:${group}:){6}${IPV4}`];
  for (let before = 0; before <= 7; before++) {
    const head = before === 0 ? "" : `${group}(?::${group}){${before - 1}}`;
    const room = 7 - before;
    forms.push(
      `${head}::${room === 0 ? "" : `(?:${group}(?::${group}){0,${room - 1}})?`}`,
      ...(room >= 2 ? [`${head}::(?:${group}:){0,${room - 2}}${IPV4}`] : []),
    );
  }
  return `(?:${forms.join("|")})`;
}

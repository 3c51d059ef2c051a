import { seededRandom } from "../../src/routing/statistics/seeded-random.ts";
import { readRecords } from "../lib/data.ts";
import type { BenchOptions } from "../lib/report.ts";
import { shuffled } from "../lib/shuffled.ts";

interface Utterance {
  text: string;
  intent: string;
}

/** One call of a task, and the one answer that is right. */
export interface AskedCall {
  body: object;
  right: string;
}

/** A recurring task of an agent: the same prompt each time, and what users say. */
export interface AgentTask {
  name: string;
  /** Draws a call; what comes again comes with the same answer. */
  call(): AskedCall;
}

type Message = { role: "system" | "user" | "assistant"; content: string };

const SHOTS = 4;
const MODEL = "gpt-5-mini";

const byIntent = (all: readonly Utterance[], intent: string): string[] =>
  all.filter((each) => each.intent === intent).map(({ text }) => text);

function chatBody(messages: readonly Message[], more: object): object {
  return { model: MODEL, temperature: 0, messages, ...more };
}

const pick = <T>(list: readonly T[], random: () => number): T => {
  const found = list[Math.floor(random() * list.length)];
  if (found === undefined) throw new Error("the data folder has no such utterances");
  return found;
};

/** Sorts utterances of two intents by a word, with examples in the agent's own prompt. */
function sortTask(options: {
  name: string;
  all: readonly Utterance[];
  labels: Readonly<Record<string, string>>;
  random: () => number;
}): AgentTask {
  const { name, all, labels, random } = options;
  const said = Object.entries(labels).flatMap(([intent, label]) =>
    shuffled(byIntent(all, intent), random).map((text, at) => ({ text, label, at })),
  );
  const shots = said.filter(({ at }) => at < SHOTS).sort((a, b) => a.at - b.at);
  const asked = said.filter(({ at }) => at >= SHOTS);
  const opening: Message[] = [
    {
      role: "system",
      content: `You sort what users say: ${Object.values(labels).join(" or ")}. Answer with one word.`,
    },
    ...shots.flatMap(({ text, label }): Message[] => [
      { role: "user", content: text },
      { role: "assistant", content: label },
    ]),
  ];
  return {
    name,
    call() {
      const { text, label } = pick(asked, random);
      return {
        body: chatBody([...opening, { role: "user", content: text }], { max_tokens: 8 }),
        right: label,
      };
    },
  };
}

/** Sorts utterances into many intents by the names of these, without an example. */
function manyTask(options: {
  name: string;
  all: readonly Utterance[];
  intents: readonly string[];
  random: () => number;
}): AgentTask {
  const { name, all, intents, random } = options;
  const asked = all.filter(({ intent }) => intents.includes(intent));
  const system = `You sort what users say into one of: ${intents.join(", ")}. Answer with its name alone.`;
  return {
    name,
    call() {
      const { text, intent } = pick(asked, random);
      const messages: Message[] = [
        { role: "system", content: system },
        { role: "user", content: text },
      ];
      return { body: chatBody(messages, { max_tokens: 12 }), right: intent };
    },
  };
}

const TICKET_EXAMPLES = [
  ["48213", "my card was stolen"],
  ["90177", "what time is it in paris"],
  ["33510", "please tell me a joke"],
] as const;

/** Takes a ticket's number out of what stands before it, as JSON. */
function ticketTask(options: { name: string; all: readonly Utterance[]; random: () => number }): AgentTask {
  const { name, all, random } = options;
  const answer = (ticket: string): string => JSON.stringify({ ticket });
  const opening: Message[] = [
    { role: "system", content: "Answer with the ticket's number." },
    ...TICKET_EXAMPLES.flatMap(([ticket, text]): Message[] => [
      { role: "user", content: `Ticket ${ticket}: ${text}` },
      { role: "assistant", content: answer(ticket) },
    ]),
  ];
  const schema = {
    type: "object",
    properties: { ticket: { type: "string", pattern: "^[0-9]{5}$" } },
    required: ["ticket"],
    additionalProperties: false,
  };
  const format = { type: "json_schema", json_schema: { name: "ticket", strict: true, schema } };
  return {
    name,
    call() {
      const ticket = String(10_000 + Math.floor(random() * 90_000));
      const user: Message = { role: "user", content: `Ticket ${ticket}: ${pick(all, random).text}` };
      return {
        body: chatBody([...opening, user], { response_format: format, max_tokens: 32 }),
        right: answer(ticket),
      };
    },
  };
}

/**
 * Four tasks of an agent, of the intents in the data folder. Which of them a small model can do is not known here: the
 * gateway is to find out.
 */
export function agentTasks(options: BenchOptions, seed: number): AgentTask[] {
  const all = readRecords<Utterance>(options, "intents/clinc150.jsonl").filter(
    ({ intent }) => intent !== "oos",
  );
  const random = seededRandom(seed);
  const intents = shuffled([...new Set(all.map(({ intent }) => intent))].sort(), random).slice(0, 10);
  return [
    sortTask({
      name: "joke-or-money",
      all,
      labels: { tell_joke: "joke", exchange_rate: "money" },
      random,
    }),
    ticketTask({ name: "ticket-number", all, random }),
    sortTask({
      name: "music-or-translate",
      all,
      labels: { play_music: "music", translate: "translate" },
      random,
    }),
    manyTask({ name: "ten-intents", all, intents, random }),
  ];
}

import { type Capabilities, CHAT_ONLY } from "../../../../src/tunnel/protocol/messages.ts";
import { isRecord } from "../../is-record.ts";
import { colouredSquare } from "./probe-picture.ts";

/** Sends one request and gives the parsed answer; null when it was refused, broken or too late. */
export type AskEngine = (path: EnginePath, body: object) => Promise<unknown>;
export type EnginePath = "/chat/completions" | "/completions" | "/embeddings";

const COLOURS = ["red", "green"];

interface Probe {
  capability: keyof Capabilities;
  body: object;
  /** A second request, where only the difference between the answers proves it. */
  without?: object;
  /** Whether the answer proves it; many engines accept a field and ignore it. */
  proves(choices: Choice[], without: Choice[]): boolean;
}

interface Choice {
  message?: { content?: unknown; tool_calls?: { function?: { name?: unknown } }[] };
  logprobs?: { content?: unknown[] } | null;
}

const user = (content: unknown) => [{ role: "user", content }];

const picture = (colour: readonly [number, number, number]) => ({
  messages: user([
    { type: "text", text: "Which colour is this picture? Answer with one word." },
    { type: "image_url", image_url: { url: colouredSquare(colour) } },
  ]),
  temperature: 0,
  max_tokens: 16,
});
const REPETITION = {
  messages: user("Write the word 'yes' twenty times."),
  temperature: 0,
  max_tokens: 24,
};

const PROBES: Probe[] = [
  {
    capability: "tools",
    body: {
      messages: user("Call the function 'note' with the text 'a'."),
      tools: [
        {
          type: "function",
          function: {
            name: "note",
            parameters: { type: "object", properties: { text: { type: "string" } }, required: ["text"] },
          },
        },
      ],
      tool_choice: "required",
      max_tokens: 64,
    },
    proves: ([choice]) => choice?.message?.tool_calls?.[0]?.function?.name === "note",
  },
  {
    capability: "jsonSchema",
    body: {
      messages: user("Name a colour."),
      response_format: {
        type: "json_schema",
        json_schema: {
          name: "colour",
          strict: true,
          schema: {
            type: "object",
            properties: { colour: { enum: COLOURS } },
            required: ["colour"],
            additionalProperties: false,
          },
        },
      },
      max_tokens: 64,
    },
    proves: ([choice]) => {
      const value = parseJson(choice?.message?.content);
      return isRecord(value) && COLOURS.includes(String(value.colour));
    },
  },
  {
    capability: "jsonObject",
    body: {
      messages: user("Answer with the JSON object {} and nothing else."),
      response_format: { type: "json_object" },
      max_tokens: 64,
    },
    proves: ([choice]) => isRecord(parseJson(choice?.message?.content)),
  },
  {
    capability: "logprobs",
    body: { messages: user("Hi"), logprobs: true, top_logprobs: 1, max_tokens: 1 },
    proves: ([choice]) => (choice?.logprobs?.content?.length ?? 0) > 0,
  },
  {
    capability: "multipleChoices",
    body: { messages: user("Hi"), n: 2, max_tokens: 1 },
    proves: (choices) => choices.length === 2,
  },
  {
    capability: "images",
    body: picture([255, 0, 0]),
    without: picture([0, 0, 255]),
    // An engine without eyes may drop the picture or read its bytes as text, but cannot tell these two apart.
    proves: ([red], [blue]) =>
      /red/i.test(String(red?.message?.content)) && /blue/i.test(String(blue?.message?.content)),
  },
  {
    capability: "penalties",
    body: { ...REPETITION, frequency_penalty: 2, presence_penalty: 2 },
    // An engine that honours them cannot answer the same, greedily, as without them.
    without: REPETITION,
    proves: ([choice], [plain]) => {
      const texts = [choice, plain].map((each) => each?.message?.content);
      return texts.every((text) => typeof text === "string") && texts[0] !== texts[1];
    },
  },
];

/**
 * Asks an engine, with one small request each, what it can do with a model. One after the other, so that the owner's
 * engine stays free for calls. What cannot be proven cheaply (audio, logit bias, reasoning) stays false.
 */
export async function probeCapabilities(ask: AskEngine): Promise<Capabilities> {
  const found = { ...CHAT_ONLY };
  const choicesOf = async (body: object): Promise<Choice[] | null> => {
    const answer = await ask("/chat/completions", body);
    return isRecord(answer) && Array.isArray(answer.choices) ? (answer.choices as Choice[]) : null;
  };
  found.embeddings = hasVector(await ask("/embeddings", { input: "Hi" }));
  // A model of vectors alone; any other that did not answer may only have been too slow.
  found.chat = !found.embeddings || (await choicesOf({ messages: user("Hi"), max_tokens: 1 })) !== null;
  if (!found.chat) return found;
  for (const { capability, body, without, proves } of PROBES) {
    const choices = await choicesOf(body);
    const plain = choices === null || without === undefined ? [] : await choicesOf(without);
    if (choices !== null && plain !== null) found[capability] = proves(choices, plain);
  }
  const completion = { prompt: "Hi", temperature: 0, max_tokens: 1 };
  const plain = await ask("/completions", completion);
  found.completions = hasText(plain);
  if (found.completions) {
    const between = await ask("/completions", { ...completion, suffix: " and that was all she said." });
    // Many engines accept a suffix and ignore it; one that reads it counts its tokens.
    found.suffix = hasText(between) && promptTokens(between) > promptTokens(plain);
  }
  return found;
}

function hasVector(answer: unknown): boolean {
  if (!isRecord(answer) || !Array.isArray(answer.data)) return false;
  const [first] = answer.data as unknown[];
  return isRecord(first) && Array.isArray(first.embedding) && typeof first.embedding[0] === "number";
}

function hasText(answer: unknown): boolean {
  if (!isRecord(answer) || !Array.isArray(answer.choices)) return false;
  const [first] = answer.choices as unknown[];
  return isRecord(first) && typeof first.text === "string";
}

function promptTokens(answer: unknown): number {
  const usage = isRecord(answer) ? answer.usage : null;
  return isRecord(usage) && typeof usage.prompt_tokens === "number" ? usage.prompt_tokens : 0;
}

function parseJson(text: unknown): unknown {
  if (typeof text !== "string") return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // not JSON: the capability is not proven
  }
}

/** A call as an agent of a framework makes it, and what the reference would say. */
export interface CaseCall {
  framework: "metagpt" | "open_operator" | "cradle";
  /** Of `POST /v1/chat/completions`, without the model. */
  body: { messages: readonly object[] } & Record<string, unknown>;
  right: string;
}

/** One pixel: the shape of a call hangs on there being a picture, not on what it shows. */
const PIXEL =
  "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==";

const SITES = ["wikipedia", "imdb", "ebay", "booking", "github", "weather"] as const;
const THINGS = [
  "a red bicycle",
  "the tallest bridge",
  "a used camera",
  "a quiet hotel",
  "a film of 1994",
] as const;
const TOOLS = ["GOTO", "ACT", "EXTRACT", "OBSERVE", "CLOSE", "WAIT", "NAVBACK"] as const;
const BUTTONS = ["Search", "Sign in", "Next page", "Add to list", "Close", "Show filters", "Help"] as const;

type Random = () => number;

function pick<T>(list: readonly T[], random: Random): T {
  return list[Math.floor(random() * list.length)] as T;
}

const image = { type: "image_url", image_url: { url: PIXEL } };
const text = (words: string) => ({ type: "text", text: words });
const object = (properties: Record<string, object>) => ({
  type: "object",
  properties,
  required: Object.keys(properties),
  additionalProperties: false,
});
const format = (name: string, properties: Record<string, object>) => ({
  response_format: { type: "json_schema", json_schema: { name, strict: true, schema: object(properties) } },
});
const string = { type: "string" };

/** Where a browsing session begins: an address, and why. */
function startOf(random: Random): CaseCall {
  const [site, thing] = [pick(SITES, random), pick(THINGS, random)];
  return {
    framework: "open_operator",
    body: {
      messages: [
        {
          role: "user",
          content: [
            text(`A browser is to look for ${thing} on ${site}. Which address should it open first?`),
          ],
        },
      ],
      ...format("start", { url: string, reasoning: string }),
    },
    right: JSON.stringify({
      url: `https://www.${site}.com`,
      reasoning: `The goal names ${site}, whose own site has the search that leads to ${thing}; nothing else is as direct.`,
    }),
  };
}

/** The next step of a session, which sees the page. */
function stepOf(random: Random): CaseCall {
  const [site, thing] = [pick(SITES, random), pick(THINGS, random)];
  return {
    framework: "open_operator",
    body: {
      messages: [
        {
          role: "user",
          content: [
            text(`The goal is to find ${thing}. Done so far: opened ${site}. Which step is next?`),
            image,
          ],
        },
      ],
      ...format("step", {
        text: string,
        reasoning: string,
        tool: { type: "string", enum: TOOLS },
        instruction: string,
      }),
    },
    right: JSON.stringify({ text: "Search", reasoning: "…", tool: "ACT", instruction: `type ${thing}` }),
  };
}

/** An instruction that is to become one action on a page that is written down as a list. */
function actOf(random: Random): CaseCall {
  const names = [...BUTTONS].sort(() => random() - 0.5).slice(0, 5);
  const first = 10 + Math.floor(random() * 900);
  const wanted = Math.floor(random() * names.length);
  const page = names.map((name, at) => `${first + at}: button: ${name}`).join("\n");
  return {
    framework: "open_operator",
    body: {
      messages: [
        {
          role: "system",
          content: "Choose the element of the page that the instruction is about, and the method.",
        },
        { role: "user", content: `instruction: press "${names[wanted]}"\n${page}` },
      ],
      ...format("action", {
        elementId: { type: "integer" },
        method: { type: "string", enum: ["click", "fill", "press", "scrollTo"] },
      }),
    },
    right: JSON.stringify({ elementId: first + wanted, method: "click" }),
  };
}

const PARTS = [
  "what is seen",
  "whether the last action worked",
  "what is to be done now",
  "whether it is done",
];

/** One module of a cycle that plays a game or uses a program by its screen. */
function moduleOf(random: Random): CaseCall {
  const part = pick(PARTS, random);
  const pictures = part === "whether the last action worked" ? [image, image] : [image];
  return {
    framework: "cradle",
    body: {
      messages: [
        { role: "system", content: "You look at a screen and control a program with keyboard and mouse." },
        {
          role: "user",
          content: [text(`Say ${part}, under the headings that follow.`), ...pictures, text("Decision:")],
        },
      ],
    },
    right:
      "Decision:\nThe window is open and the menu can be seen; the next action is to choose its second entry.",
  };
}

/**
 * Calls in the shapes of Open Operator (where to begin, the next step with a picture of the page, an action on a list of
 * elements) and of Cradle (modules that all look at the screen), in words of our own; what is asked and answered is drawn.
 */
export function shapedCalls(options: { each: number; random: Random }): CaseCall[] {
  const { each, random } = options;
  const operator = Array.from({ length: each }, (_, at) => {
    if (at % 11 === 0) return startOf(random);
    return at % 2 === 0 ? stepOf(random) : actOf(random);
  });
  return [...operator, ...Array.from({ length: each }, () => moduleOf(random))];
}

/**
 * What a model takes, as Anthropic's documentation has it (models overview, thinking, effort, structured outputs,
 * mid-conversation system messages, the migration guide of each model; November 2026). A model refuses with 400 what it
 * does not take, so that a translation must know.
 */
export interface ModelProfile {
  /** The most tokens that it writes: the limit of a caller who names none, since OpenAI's models have none of their own either. */
  maxOutput: number;
  /** Where input and `max_tokens` together must fit into; null where the model just stops at its window's end. */
  strictWindow: number | null;
  /** `one`: not `temperature` and `top_p` at once. `none`: only their defaults. */
  sampling: "free" | "one" | "none";
  thinking: "none" | "budget" | "adaptive";
  /** What turns thinking off; null where it is always on. */
  thinkingOff: "omit" | "disabled" | "between_tools" | null;
  /** The levels of `output_config.effort`. */
  efforts: readonly string[];
  /** Whether an assistant's last message is continued. */
  prefill: boolean;
  /** Whether `tool_choice` may be `any` or `tool`. */
  forcedTools: boolean;
  /** Whether `messages` may have the role `system`. */
  midSystem: boolean;
  /** Whether it has `output_config.format`. */
  structured: boolean;
}

const TO_MAX = ["low", "medium", "high", "max"];
const TO_XHIGH = ["low", "medium", "high", "xhigh", "max"];

/** Claude 3 and 3.5, and whatever else speaks this dialect: nothing that came later is taken for granted. */
const OLDEST: ModelProfile = {
  maxOutput: 4_096,
  strictWindow: 200_000,
  sampling: "free",
  thinking: "none",
  thinkingOff: "omit",
  efforts: [],
  prefill: true,
  forcedTools: true,
  midSystem: false,
  structured: false,
};
const CLAUDE_4: ModelProfile = { ...OLDEST, maxOutput: 64_000, thinking: "budget" };
const CLAUDE_4_5: ModelProfile = { ...CLAUDE_4, strictWindow: null, sampling: "one", structured: true };
const CLAUDE_4_6: ModelProfile = {
  ...CLAUDE_4_5,
  maxOutput: 128_000,
  thinking: "adaptive",
  efforts: TO_MAX,
  prefill: false,
};
const CLAUDE_4_7: ModelProfile = {
  ...CLAUDE_4_6,
  sampling: "none",
  efforts: TO_XHIGH,
  thinkingOff: "disabled",
};
const CLAUDE_5: ModelProfile = { ...CLAUDE_4_7, midSystem: true };
const ALWAYS_THINKS: ModelProfile = { ...CLAUDE_5, thinkingOff: null };
const CLAUDE_5_5: ModelProfile = { ...ALWAYS_THINKS, forcedTools: false };

/** A Claude that came later, or a proxy's own name for one: nothing is refused on its behalf, it does so itself. */
const UNKNOWN: ModelProfile = { ...CLAUDE_4_5, sampling: "free" };

/** By the name, its dots as dashes; the first that matches holds. */
const FAMILIES: readonly (readonly [RegExp, ModelProfile])[] = [
  [/claude-(3-(opus|sonnet|haiku)|2|instant)/, OLDEST],
  [/claude-3-5-/, { ...OLDEST, maxOutput: 8_192 }],
  [/claude-3-7-/, CLAUDE_4],
  [/claude-opus-4-1(?!\d)/, { ...CLAUDE_4, maxOutput: 32_000, sampling: "one" }],
  [/claude-opus-4(-0|-\d{8})?(?!-?\d)/, { ...CLAUDE_4, maxOutput: 32_000 }],
  [/claude-sonnet-4(-0|-\d{8})?(?!-?\d)/, CLAUDE_4],
  [/claude-opus-4-5(?!\d)/, { ...CLAUDE_4_5, efforts: ["low", "medium", "high"] }],
  [/claude-(sonnet|haiku)-4-5(?!\d)/, CLAUDE_4_5],
  [/claude-(opus|sonnet)-4-6(?!\d)/, CLAUDE_4_6],
  [/claude-opus-4-7(?!\d)/, CLAUDE_4_7],
  [/claude-opus-4-8(?!\d)/, CLAUDE_5],
  [/claude-(sonnet|opus)-5(?!-?\d)/, CLAUDE_5],
  [/claude-haiku-5-5(?!\d)/, CLAUDE_5],
  [/claude-sonnet-5-5(?!\d)/, { ...CLAUDE_5_5, thinkingOff: "between_tools" }],
  [/claude-((fable|mythos)-5(?!-?\d)|mythos-preview)/, ALWAYS_THINKS],
  [/claude-(opus-5-5|fable-5-1)(?!\d)/, CLAUDE_5_5],
  [/claude/, UNKNOWN],
];

/** A model that is not Anthropic's, behind its dialect: a local server's. A small limit fits the smallest windows in use. */
const OTHER: ModelProfile = { ...OLDEST, strictWindow: null, thinking: "budget" };

/** The profile of a model by the name that its backend knows it by. */
export function modelProfile(model: string): ModelProfile {
  const name = model.toLowerCase().replace(/[.@]/g, "-");
  return FAMILIES.find(([pattern]) => pattern.test(name))?.[1] ?? OTHER;
}

import type { OutputPart } from "./model-request.ts";
import type { ReplyChoice, ReplyEvent } from "./reply.ts";

/** A streamed reply's choices as far as they have come: what `replyEvents` takes apart, put together again. */
export interface ChoiceCollector {
  add(event: ReplyEvent): void;
  /** In order of their index; only those that have said something or ended. */
  choices(): ReplyChoice[];
}

type Of<Type extends OutputPart["type"]> = Extract<OutputPart, { type: Type }>;

export function collectChoices(): ChoiceCollector {
  const choices = new Map<number, ReplyChoice>();

  function choiceOf(index: number): ReplyChoice {
    const known = choices.get(index);
    if (known !== undefined) return known;
    const fresh: ReplyChoice = { index, parts: [], finish: null, stopSequence: null, logprobs: null };
    choices.set(index, fresh);
    return fresh;
  }

  function lastText(choice: ReplyChoice, type: "text" | "refusal"): Of<"text"> | Of<"refusal"> {
    const last = choice.parts.at(-1);
    if (last?.type === type) return last;
    const fresh = { type, text: "" } as Of<"text"> | Of<"refusal">;
    choice.parts.push(fresh);
    return fresh;
  }

  function addArguments(choice: ReplyChoice, index: number, text: string): void {
    const calls = choice.parts.filter((part) => part.type === "tool_call");
    const call = calls[index];
    if (call !== undefined) call.arguments += text;
  }

  return {
    add(event) {
      if (!("choice" in event)) return;
      const choice = choiceOf(event.choice);
      if (event.type === "text") {
        if (event.text !== "") lastText(choice, "text").text += event.text;
        if (event.logprobs !== undefined) choice.logprobs = [...(choice.logprobs ?? []), ...event.logprobs];
      } else if (event.type === "refusal") lastText(choice, "refusal").text += event.text;
      else if (event.type === "tool_call")
        choice.parts.push({ type: "tool_call", id: event.id, name: event.name, arguments: "" });
      else if (event.type === "tool_arguments") addArguments(choice, event.index, event.text);
      else if (event.type === "finish") {
        choice.finish = event.reason;
        choice.stopSequence = event.stopSequence;
      }
    },
    choices: () => [...choices.values()].sort((a, b) => a.index - b.index),
  };
}

import { createParser } from "eventsource-parser";
import { z } from "zod";
import type { Call } from "../call.ts";
import type { TraceChoice, TraceMessage } from "../dialect.ts";
import { promptTexts } from "../prompt-texts.ts";

const reply = z.looseObject({
  choices: z.array(
    z.looseObject({
      index: z.number().default(0),
      text: z.string().default(""),
      finish_reason: z.string().nullish(),
    }),
  ),
});

function parse(text: string): z.infer<typeof reply> | null {
  try {
    return reply.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null; // the terminator, or what was cut
  }
}

/** The prompts, and what was to come after them, as a trace shows them. */
export function traceInput({ text }: Call): TraceMessage[] {
  return [...promptTexts(text, "prompt"), ...promptTexts(text, "suffix")].map((content) => ({
    role: "user",
    content,
  }));
}

/** The texts that were released, one for each choice. */
export function traceOutput(released: Uint8Array, streamed: boolean): TraceChoice[] {
  const text = new TextDecoder().decode(released);
  const datas: string[] = [];
  if (streamed) createParser({ onEvent: ({ data }) => datas.push(data) }).feed(text);
  else datas.push(text);
  const choices = new Map<number, { text: string; finish: unknown }>();
  for (const data of datas) {
    for (const { index, text, finish_reason } of parse(data)?.choices ?? []) {
      const known = choices.get(index) ?? { text: "", finish: null };
      choices.set(index, { text: known.text + text, finish: finish_reason ?? known.finish });
    }
  }
  return [...choices.values()].map(({ text, finish }) => ({
    message: { role: "assistant", content: text },
    finish_reason: finish,
  }));
}

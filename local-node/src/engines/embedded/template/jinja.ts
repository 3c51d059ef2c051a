import type { Llama } from "node-llama-cpp";
import { createNativeJinja } from "../binding.ts";

/** Renders one template with its variables. Throws an `Error` with the reason that the template itself gives. */
export type RenderJinja = (variables: Record<string, unknown>) => string;

/** What `raise_exception` was given stands at the end, behind a picture of the source. */
const RAISED = /^Error: (?:Jinja Exception: )?([\s\S]*)$/m;

/**
 * llama.cpp's own Jinja, since templates are written and tested against it; of the templates that come with
 * llama.cpp it renders all, which Jinja in JavaScript does not. Throws when the source cannot be compiled.
 */
export function compileJinja(llama: Llama, source: string): RenderJinja {
  const renderer = createNativeJinja(llama, source);
  return (variables) => {
    try {
      return renderer.render(variables);
    } catch (cause) {
      const message = cause instanceof Error ? cause.message : String(cause);
      throw new Error((RAISED.exec(message)?.[1] ?? message).trim(), { cause });
    }
  };
}

import type { Json } from "../json.ts";
import { followJsonObject, type JsonEnd } from "../json-end.ts";
import { writeWireEvent } from "./wire.ts";

/** A content block on its way out. What comes before its turn waits in `waiting`. */
interface Block {
  type: "text" | "thinking" | "redacted_thinking" | "tool_use";
  /** The block as it stands in `content_block_start`. */
  start: Json;
  /** Deltas that the client has not got yet. */
  waiting: Json[];
  /** The reply's own index of the tool call; null for other blocks. */
  tool: number | null;
  arguments: JsonEnd | null;
  signed: boolean;
}

/**
 * Writes content blocks as Anthropic's clients demand them (wire trap 13): one open at a time, its type fixed by its
 * first delta, indices without gaps, a delta that changes the block never lost. Blocks are kept in the order in which
 * they began. Only the first is open; the next opens when nothing can come for it any more: at once for text and
 * thinking, and for a tool call as soon as its arguments are a whole object. What comes for a later one until then waits.
 */
export interface BlockWriter {
  text(text: string): string;
  thinking(text: string): string;
  signature(signature: string): string;
  redacted(data: string): string;
  tool(tool: { index: number; id: string; name: string }): string;
  argumentsOf(index: number, text: string): string;
  /** Closes what is open and what waits. */
  close(): string;
  readonly hasTools: boolean;
}

export function createBlockWriter(): BlockWriter {
  /** Begun and not closed; the first is open. */
  let blocks: Block[] = [];
  let opened = false;
  let index = 0;
  let hasTools = false;

  const canClose = ({ arguments: json }: Block): boolean => json === null || json.complete;

  function open(block: Block): string {
    opened = true;
    return writeWireEvent({ type: "content_block_start", index, content_block: block.start });
  }

  function drain(block: Block): string {
    const text = block.waiting
      .map((delta) => writeWireEvent({ type: "content_block_delta", index, delta }))
      .join("");
    block.waiting = [];
    return text;
  }

  /** Writes as much as may be written; all of it where nothing more can come. */
  function flow(all: boolean): string {
    let out = "";
    for (let block = blocks[0]; block !== undefined; block = blocks[0]) {
      if (!opened) out += open(block);
      out += drain(block);
      const more = blocks.length > 1;
      if (!all && !(more && canClose(block))) break;
      out += writeWireEvent({ type: "content_block_stop", index });
      index++;
      opened = false;
      blocks = blocks.slice(1);
    }
    return out;
  }

  function begin(type: Block["type"], start: Json, more: Partial<Block> = {}): Block {
    const block: Block = { type, start, waiting: [], tool: null, arguments: null, signed: false, ...more };
    blocks.push(block);
    return block;
  }

  /** The block that a delta of this type goes on with: the last one, or a new one. */
  function last(type: "text" | "thinking"): Block {
    const block = blocks.at(-1);
    if (block !== undefined && block.type === type && !block.signed) return block;
    return type === "text"
      ? begin("text", { type: "text", text: "" })
      : begin("thinking", { type: "thinking", thinking: "", signature: "" });
  }

  return {
    text(text) {
      last("text").waiting.push({ type: "text_delta", text });
      return flow(false);
    },
    thinking(thinking) {
      last("thinking").waiting.push({ type: "thinking_delta", thinking });
      return flow(false);
    },
    signature(signature) {
      const block = last("thinking");
      block.waiting.push({ type: "signature_delta", signature });
      // A block has one signature, after its text.
      block.signed = true;
      return flow(false);
    },
    redacted(data) {
      begin("redacted_thinking", { type: "redacted_thinking", data });
      return flow(false);
    },
    tool({ index: tool, id, name }) {
      hasTools = true;
      begin("tool_use", { type: "tool_use", id, name, input: {} }, { tool, arguments: followJsonObject() });
      return flow(false);
    },
    argumentsOf(tool, text) {
      const block = blocks.find((known) => known.tool === tool);
      // Only blanks can follow a whole object; its block may be closed.
      if (block === undefined || text === "") return "";
      block.arguments?.push(text);
      block.waiting.push({ type: "input_json_delta", partial_json: text });
      return flow(false);
    },
    close: () => flow(true),
    get hasTools() {
      return hasTools;
    },
  };
}

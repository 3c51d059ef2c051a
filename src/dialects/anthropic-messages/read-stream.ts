import type { ReplyReader } from "../dialect.ts";
import { isObject, type Json } from "../json.ts";
import type { ModelRequest } from "../model-request.ts";
import type { ReplyEvent } from "../reply.ts";
import { createSseEvents, eventTooLong, type SseEvent } from "../sse-events.ts";
import { errorInBand } from "./error.ts";
import { mayAnswerByTool, OUTPUT_TOOL } from "./plan-format.ts";
import { messageToolNames } from "./request-names.ts";
import { readStopReason } from "./stop-reasons.ts";
import { noteUsage, noUsage, usageOf } from "./usage.ts";
import { readWireEvent, textOf, textOrNull, type WireEvent } from "./wire.ts";

/** What a block has become in the internal form. */
type BlockKind = "text" | "thinking" | "tool" | "answer" | "ignored";

interface OpenBlock {
  kind: BlockKind;
  /** The tool call's index in the reply. */
  tool: number;
  /** The input that came with the block's start, for servers that send no deltas. */
  input: unknown;
  hasArguments: boolean;
  signature: string;
}

const ORIGIN = "anthropic-messages";

const KIND_OF_DELTA: Record<string, BlockKind> = { text_delta: "text", thinking_delta: "thinking" };

/**
 * Reads the stream of a backend that speaks Anthropic's dialect into events. Blocks of tools that the provider runs
 * itself, and citations, have no form in other dialects; no translated request asks for them.
 */
export function openMessagesReader(request: ModelRequest): ReplyReader {
  const events = createSseEvents();
  const names = messageToolNames(request);
  const answersByTool = mayAnswerByTool(request);
  const usage = noUsage();
  const finishReasons: string[] = [];
  const open = new Map<unknown, OpenBlock>();
  let malformedEvents = 0;
  let tools = 0;
  let started = false;
  let finished = false;
  let ended = false;

  const block = (kind: BlockKind, more: Partial<OpenBlock> = {}): OpenBlock => ({
    kind,
    tool: -1,
    input: null,
    hasArguments: false,
    signature: "",
    ...more,
  });

  function begin(index: unknown, start: Json): ReplyEvent[] {
    switch (start.type) {
      case "text":
        open.set(index, block("text"));
        return textOf(start.text) === "" ? [] : [{ type: "text", choice: 0, text: textOf(start.text) }];
      case "thinking": {
        open.set(index, block("thinking", { signature: textOf(start.signature) }));
        const text = textOf(start.thinking);
        return text === "" ? [] : [{ type: "reasoning", choice: 0, text }];
      }
      case "redacted_thinking":
        open.set(index, block("ignored"));
        return [{ type: "redacted_reasoning", choice: 0, data: textOf(start.data), origin: ORIGIN }];
      case "tool_use": {
        if (answersByTool && start.name === OUTPUT_TOOL) {
          open.set(index, block("answer", { input: start.input }));
          return [];
        }
        const tool = tools++;
        open.set(index, block("tool", { tool, input: start.input }));
        const id = textOf(start.id) || `toolu_${tool}`;
        return [{ type: "tool_call", choice: 0, index: tool, id, name: names.toClient(textOf(start.name)) }];
      }
      default:
        open.set(index, block("ignored"));
        return [];
    }
  }

  function argumentsOf(of: OpenBlock, text: string): ReplyEvent[] {
    if (text === "") return [];
    of.hasArguments = true;
    return of.kind === "answer"
      ? [{ type: "text", choice: 0, text }]
      : [{ type: "tool_arguments", choice: 0, index: of.tool, text }];
  }

  function go(index: unknown, delta: Json): ReplyEvent[] {
    let of = open.get(index);
    if (of === undefined) {
      // A server that begins no blocks: the delta tells which it is. A tool call without its name cannot be guessed.
      const kind = KIND_OF_DELTA[textOf(delta.type)];
      if (kind === undefined) {
        malformedEvents++;
        return [];
      }
      of = block(kind);
      open.set(index, of);
    }
    switch (of.kind) {
      case "text":
        return textOf(delta.text) === "" ? [] : [{ type: "text", choice: 0, text: textOf(delta.text) }];
      case "thinking":
        if (delta.type === "signature_delta") of.signature = textOf(delta.signature);
        return textOf(delta.thinking) === ""
          ? []
          : [{ type: "reasoning", choice: 0, text: textOf(delta.thinking) }];
      case "tool":
      case "answer":
        return argumentsOf(of, textOf(delta.partial_json));
      case "ignored":
        return [];
    }
  }

  function stop(index: unknown): ReplyEvent[] {
    const of = open.get(index);
    open.delete(index);
    if (of === undefined) return [];
    if (of.kind === "thinking" && of.signature !== "")
      return [{ type: "reasoning_signature", choice: 0, signature: of.signature, origin: ORIGIN }];
    // A tool without arguments gets an empty object (wire trap 12).
    if ((of.kind === "tool" || of.kind === "answer") && !of.hasArguments)
      return argumentsOf(of, JSON.stringify(isObject(of.input) ? of.input : {}));
    return [];
  }

  /** What is still open where the message ends: servers that stop no blocks. */
  const stopAll = (): ReplyEvent[] => [...open.keys()].flatMap(stop);

  function finish(word: string, stopSequence: string | null): ReplyEvent[] {
    if (finished) return [];
    finished = true;
    const reason = readStopReason(word, tools > 0);
    return [
      ...stopAll(),
      {
        type: "finish",
        choice: 0,
        // The call of the output tool is the answer itself.
        reason: reason === "tool_calls" && tools === 0 ? "stop" : reason,
        stopSequence,
      },
    ];
  }

  function start(message: Json): ReplyEvent[] {
    if (started) return [];
    started = true;
    noteUsage(usage, message.usage);
    return [
      {
        type: "start",
        id: textOrNull(message.id),
        model: textOrNull(message.model),
        created: null,
        usage: usageOf(usage),
      },
    ];
  }

  function read(event: WireEvent): ReplyEvent[] {
    switch (event.type) {
      case "message_start":
        return start(isObject(event.message) ? event.message : {});
      case "content_block_start":
        return [
          ...start({}),
          ...begin(event.index, isObject(event.content_block) ? event.content_block : {}),
        ];
      case "content_block_delta":
        return [...start({}), ...go(event.index, isObject(event.delta) ? event.delta : {})];
      case "content_block_stop":
        return stop(event.index);
      case "message_delta": {
        const delta = isObject(event.delta) ? event.delta : {};
        noteUsage(usage, event.usage);
        const known = usageOf(usage);
        const word = textOf(delta.stop_reason);
        if (word !== "") finishReasons.push(word);
        return [
          ...start({}),
          ...(word === "" ? [] : finish(word, textOrNull(delta.stop_sequence))),
          ...(known === null ? [] : [{ type: "usage", usage: known } as const]),
        ];
      }
      case "message_stop":
        ended = true;
        return [...start({}), ...finish("end_turn", null), { type: "end" }];
      case "error": {
        const error = errorInBand(event);
        ended = true;
        return error === null ? [] : [{ type: "error", error }];
      }
      default:
        return [];
    }
  }

  function readSource({ data, name, tooLong }: SseEvent): ReplyEvent[] {
    if (ended) return [];
    if (tooLong) {
      ended = true;
      return [{ type: "error", error: eventTooLong() }];
    }
    if (data === null || data.trim() === "[DONE]") return [];
    const event = readWireEvent(data, name);
    if (event !== null) return read(event);
    malformedEvents++;
    return [];
  }

  return {
    push: (chunk) => events.push(chunk).flatMap(readSource),
    end: () => events.flush().flatMap(readSource),
    get malformedEvents() {
      return malformedEvents;
    },
    finishReasons,
  };
}

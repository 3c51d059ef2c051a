import { EVENT_STREAM } from "./chat-replies.ts";
import type { Reply, Step } from "./upstream.ts";

/** One server-sent event as Anthropic sends it. */
export function messageEvent(event: { type: string; [more: string]: unknown }): string {
  return `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
}

/** A content block of a reply. */
export type Block =
  | { type: "text"; text: string }
  | { type: "thinking"; thinking: string; signature: string }
  | { type: "tool_use"; id: string; name: string; input: object };

export interface MessageReplyOptions {
  blocks: readonly Block[];
  stopReason?: string;
  model?: string;
}

const USAGE = {
  input_tokens: 5,
  cache_read_input_tokens: 2,
  cache_creation_input_tokens: 1,
  output_tokens: 4,
};

function message(options: MessageReplyOptions): object {
  return {
    id: "msg_canned",
    type: "message",
    role: "assistant",
    model: options.model ?? "claude-canned",
    content: options.blocks,
    stop_reason: options.stopReason ?? "end_turn",
    stop_sequence: null,
    usage: USAGE,
  };
}

/** A whole message as Anthropic sends it. */
export function messageReply(options: MessageReplyOptions): Reply {
  return {
    headers: { "content-type": "application/json", "request-id": "req_canned" },
    steps: [{ send: JSON.stringify(message(options)) }],
  };
}

function blockSteps(block: Block, index: number): Step[] {
  const delta = (fields: object): Step => ({
    send: messageEvent({ type: "content_block_delta", index, delta: fields }),
  });
  const start = (content_block: object): Step => ({
    send: messageEvent({ type: "content_block_start", index, content_block }),
  });
  const stop: Step = { send: messageEvent({ type: "content_block_stop", index }) };
  switch (block.type) {
    case "text":
      return [start({ type: "text", text: "" }), delta({ type: "text_delta", text: block.text }), stop];
    case "thinking":
      return [
        start({ type: "thinking", thinking: "", signature: "" }),
        delta({ type: "thinking_delta", thinking: block.thinking }),
        delta({ type: "signature_delta", signature: block.signature }),
        stop,
      ];
    case "tool_use": {
      const text = JSON.stringify(block.input);
      return [
        start({ type: "tool_use", id: block.id, name: block.name, input: {} }),
        delta({ type: "input_json_delta", partial_json: text.slice(0, 3) }),
        delta({ type: "input_json_delta", partial_json: text.slice(3) }),
        stop,
      ];
    }
  }
}

/** The steps of a streamed message; cut the array to end it early. */
export function messageStreamSteps(options: MessageReplyOptions): Step[] {
  const { output_tokens: _, ...input } = USAGE;
  return [
    {
      send: messageEvent({
        type: "message_start",
        message: {
          ...message(options),
          content: [],
          stop_reason: null,
          usage: { ...input, output_tokens: 1 },
        },
      }),
    },
    { send: messageEvent({ type: "ping" }) },
    ...options.blocks.flatMap(blockSteps),
    {
      send: messageEvent({
        type: "message_delta",
        delta: { stop_reason: options.stopReason ?? "end_turn", stop_sequence: null },
        usage: USAGE,
      }),
    },
    { send: messageEvent({ type: "message_stop" }) },
  ];
}

export function messageStream(options: MessageReplyOptions): Reply {
  return { headers: EVENT_STREAM, steps: messageStreamSteps(options) };
}

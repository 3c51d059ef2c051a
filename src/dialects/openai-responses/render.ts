import type { RenderContext, ReplyRenderer } from "../dialect.ts";
import type { Reply } from "../reply.ts";
import { replyEvents } from "../reply-events.ts";
import { createResponseBuilder, type ResponseEvent } from "./response-builder.ts";

/** Events as a stream has them. */
export const written = (events: readonly ResponseEvent[]): string =>
  events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join("");

/** Renders a translated stream as a response's events. */
export function openResponseRenderer(context: RenderContext): ReplyRenderer {
  const builder = createResponseBuilder(context);
  return {
    push: (event) => written(builder.push(event)),
    end: () => written(builder.end()),
    fail: (error) => written(builder.fail(error)),
    reply: () => builder.response(),
  };
}

/** Renders a translated reply as a response. */
export function responseOf(reply: Reply, context: RenderContext): Record<string, unknown> {
  const builder = createResponseBuilder(context);
  for (const event of replyEvents(reply)) builder.push(event);
  builder.end();
  return builder.response();
}

import { NodeError } from "../../serve/contract.ts";
import { cancelled } from "../../serve/node-errors.ts";
import type { createCallCheck } from "../call-check.ts";
import type { ChatUsage, FinishReason } from "../chat-output.ts";
import type { Engine, EnginePhases, EngineRequest } from "../engine.ts";
import type { createAnswerCheck } from "../response-format.ts";
import { createBodyQueue } from "./body-queue.ts";
import type { CallMessage, GenerateRequest } from "./ipc.ts";

export type Response = Awaited<ReturnType<Engine["handle"]>>;

/** A call that waits for messages of the child. */
export interface Call {
  onMessage(message: CallMessage): void;
  onLost(error: NodeError): void;
}

export type PartMessage = Extract<CallMessage, { type: "part" }>;

/** Turns what the child says into bytes of the body; null: nothing yet. */
export interface Renderer {
  start(): Uint8Array | null;
  part(message: PartMessage): Uint8Array | null;
  finish(choice: number, finishReason: FinishReason): Uint8Array | null;
  end(usage: ChatUsage): Uint8Array;
}

/** What a call comes to: what the child is asked, and how its answers are told. */
export interface Answer {
  request: GenerateRequest;
  renderer: Renderer;
  streamed: boolean;
  /** Of what was asked for; null: any text will do. */
  answerCheck: ReturnType<typeof createAnswerCheck> | null;
  callCheck: ReturnType<typeof createCallCheck>;
}

function noteUsage(phases: EnginePhases, usage: ChatUsage): void {
  phases.promptTokens = usage.promptTokens;
  phases.reusedTokens = usage.cachedTokens;
  phases.completionTokens = usage.completionTokens;
}

/** Turns the child's messages into a response: its head at the first token (streamed) or at the end. */
export function runCall(options: {
  request: EngineRequest;
  answer: Answer;
  register(call: Call): void;
  forget(): void;
  begin(): void;
  cancel(): void;
  pressure(high: boolean): void;
  unreadBytes: number;
}): Promise<Response> {
  const { renderer, streamed, answerCheck, callCheck } = options.answer;
  const { phases, signal } = options.request;
  const head = Promise.withResolvers<Response>();
  const queue = createBodyQueue({
    highBytes: options.unreadBytes,
    onPressure: options.pressure,
    onAbandoned: options.cancel,
  });
  const open = (): void => {
    head.resolve({
      status: 200,
      headers: streamed
        ? { "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache" }
        : { "content-type": "application/json" },
      body: queue.body,
    });
  };
  const write = (chunk: Uint8Array | null): void => {
    if (chunk !== null) queue.push(chunk);
  };
  const settle = (): void => {
    options.forget();
    signal.removeEventListener("abort", onAbort);
  };
  const fail = (error: NodeError): void => {
    head.reject(error);
    queue.fail(error);
  };
  const onAbort = (): void => {
    options.cancel();
    fail(cancelled());
  };

  let refused: NodeError | null = null;
  options.register({
    onLost: (error) => {
      settle();
      fail(error);
    },
    onMessage: (message) => {
      switch (message.type) {
        case "prefill":
          phases.prefillStartUs = message.prefillStartUs;
          noteUsage(phases, message.usage);
          break;
        case "first":
          phases.firstTokenUs = message.firstTokenUs;
          noteUsage(phases, message.usage);
          write(renderer.start());
          if (streamed) open();
          break;
        case "part":
          phases.completionTokens = message.completionTokens;
          if (message.part.type === "content") answerCheck?.text(message.choice, message.part.text);
          callCheck?.part(message.choice, message.part);
          write(renderer.part(message));
          break;
        case "finish":
          refused =
            answerCheck?.finish(message.choice, message.finishReason) ??
            callCheck?.finish(message.choice, message.finishReason) ??
            null;
          if (refused !== null) {
            settle();
            options.cancel();
            fail(refused);
            break;
          }
          write(renderer.finish(message.choice, message.finishReason));
          break;
        case "end":
          settle();
          phases.endUs = message.endUs;
          noteUsage(phases, message.usage);
          phases.confidence = message.confidence ?? undefined;
          if (message.cancelled) {
            fail(cancelled());
            break;
          }
          write(renderer.end(message.usage));
          queue.end();
          open();
          break;
        case "failed":
          settle();
          fail(new NodeError(message.error));
          break;
      }
    },
  });
  signal.addEventListener("abort", onAbort, { once: true });
  options.begin();
  return head.promise;
}

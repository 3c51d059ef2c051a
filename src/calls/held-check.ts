import type { Call } from "../dialects/call.ts";
import { collectChoices } from "../dialects/collect-choices.ts";
import type { ReplyReader } from "../dialects/dialect.ts";
import type { ModelRequest } from "../dialects/model-request.ts";
import { openAiChatBackend } from "../dialects/openai-chat/backend.ts";
import type { ReplyChoice, ReplyEvent } from "../dialects/reply.ts";
import { RouteletError } from "../errors.ts";
import { releaseScore } from "../routing/guarantee/release-score.ts";
import type { PlannedAttempt } from "../routing/plan.ts";
import type { Asked } from "../routing/verify/answer.ts";
import { releaseDecision } from "../routing/verify/release-decision.ts";
import type { Verdict } from "../routing/verify/verdict.ts";
import type { Confidence } from "../tunnel/protocol/confidence.ts";
import { internalForm } from "./internal-form.ts";
import { answerOf, askedOf } from "./verifiable.ts";

/** Free text is held until this many pieces of it have come; an engine sends about one for each token. */
const HELD_TEXT_EVENTS = 32;
/** Or this many characters. */
const HELD_TEXT_CHARACTERS = 200;

/** Watches a small model's reply while it is held back. */
export interface HeldCheck {
  /** Takes the backend's bytes, as they come. */
  push(chunk: Uint8Array): void;
  /** Free text that has gone on for long enough: it is released as it comes from here on. */
  readonly releasable: boolean;
  /** Whether the answer also goes by how sure the model was, which is known behind the reply's last byte. */
  readonly byConfidence: boolean;
  /**
   * The reply is complete. `confidence`: null where the engine does not tell.
   * @throws RouteletError `verification_failed`.
   */
  end(confidence: Confidence | null): void;
  /**
   * The same for a reply that came whole.
   * @throws RouteletError `verification_failed`; what the reply cannot be read for.
   */
  whole(body: Uint8Array, confidence: Confidence | null): void;
}

/** A reply that is longer than any tool call or JSON that an agent has use for. */
export function tooLongToCheck(): RouteletError {
  return new RouteletError({
    kind: "upstream",
    code: "verification_failed",
    message: "The small model's answer is too long to be checked before it is released.",
    retryable: true,
  });
}

/** An answer that is not what the call asked for goes to nobody: the next backend of the plan is asked. */
function verificationFailed(verdict: Verdict): RouteletError {
  const [first] = verdict.findings;
  const where = first === undefined || first.path === "" ? "" : ` at ${first.path}`;
  return new RouteletError({
    kind: "upstream",
    code: "verification_failed",
    message: `The small model's answer is not what the call asked for (${first?.code ?? "rejected"}${where}).`,
    retryable: true,
  });
}

/** A valid answer that is not sure enough for its task. */
function notSureEnough(): RouteletError {
  return new RouteletError({
    kind: "upstream",
    code: "verification_failed",
    message: "The small model was not sure enough of its answer for this task.",
    retryable: true,
  });
}

function checkOf(options: {
  asked: Asked;
  request: ModelRequest;
  reader: ReplyReader;
  streamed: boolean;
  /** The task's; null where answers go by their form alone. */
  threshold: number | null;
}): HeldCheck {
  const { asked, request, reader, streamed, threshold } = options;
  const limited = request.maxTokens !== null;
  const assertReleasable = (choices: readonly ReplyChoice[], confidence: Confidence | null): void => {
    const decisions = choices.map((choice) =>
      releaseDecision({ asked, limited, streamed, answer: answerOf(choice) }),
    );
    for (const { verdict } of decisions) if (!verdict.valid) throw verificationFailed(verdict);
    if (threshold === null) return;
    // What was certified is what is known before the first byte goes out: streamed prose is the reference's.
    const isSure = releaseScore(confidence) >= threshold;
    if (!isSure || decisions.some(({ releasable }) => !releasable)) throw notSureEnough();
  };
  const said = collectChoices();
  let texts = 0;
  let characters = 0;
  let held = asked.format !== null;
  const take = (events: readonly ReplyEvent[]): void => {
    for (const event of events) {
      said.add(event);
      if (event.type === "tool_call") held = true;
      if (event.type !== "text") continue;
      texts += 1;
      characters += event.text.length;
    }
  };
  return {
    push: (chunk) => take(reader.push(chunk)),
    byConfidence: threshold !== null,
    get releasable() {
      return threshold === null && !held && (texts >= HELD_TEXT_EVENTS || characters >= HELD_TEXT_CHARACTERS);
    },
    end(confidence) {
      take(reader.end());
      assertReleasable(said.choices(), confidence);
    },
    whole(body, confidence) {
      const { choices } = openAiChatBackend.readReply(body, request);
      assertReleasable(choices, confidence);
    },
  };
}

/**
 * The check that an attempt's reply must pass before anything of it is released: tool calls and JSON are held whole,
 * words beside tools for their beginning. Null for an attempt that is not verified, for a call that has neither tools
 * nor a format to be held against, and for one without an internal form.
 */
export function openHeldCheck(planned: PlannedAttempt, call: Call): HeldCheck | null {
  if (!planned.verified || planned.speaks !== "openai-chat" || call.request === null) return null;
  // The node speaks the caller's dialect and may have words for what the internal form has not.
  const request = internalForm(call);
  if (request === null) return null;
  const asked = askedOf(request);
  const threshold = planned.threshold ?? null;
  if (threshold === null && asked.tools.length === 0 && asked.format === null) return null;
  const reader = openAiChatBackend.openReader(request);
  return checkOf({ asked, request, reader, streamed: call.stream, threshold });
}

import { NodeError } from "./contract.ts";

/** 400: a field has a wrong value; `param` is its path, for example `messages[0].content`. */
export function invalidRequest(options: {
  message: string;
  param?: string;
  code?: string;
  cause?: unknown;
}): NodeError {
  return new NodeError({
    code: options.code ?? "invalid_value",
    message: options.message,
    status: 400,
    retryable: false,
    param: options.param,
    cause: options.cause,
  });
}

/** 400: a field that is right by the API but that this engine cannot honour; it is never dropped in silence. */
export function unsupportedParameter(param: string, detail?: string): NodeError {
  return invalidRequest({
    code: "unsupported_parameter",
    message: `This node's engine cannot honour '${param}'${detail === undefined ? "" : ` (${detail})`}. Leave it out, or send the call to another model.`,
    param,
  });
}

/** 499: the caller left, so nobody waits for an answer. */
export function cancelled(): NodeError {
  return new NodeError({
    code: "cancelled",
    message: "The call was cancelled.",
    status: 499,
    retryable: false,
  });
}

/** 504: the time that the caller gave ran out before the call could begin. */
export function deadlineExceeded(): NodeError {
  return new NodeError({
    code: "deadline_exceeded",
    message: "The deadline passed while the call waited on the node. Try again later, or allow more time.",
    status: 504,
    retryable: true,
  });
}

/** 503: the model is known but no engine holds it in memory right now. */
export function modelNotLoaded(model: string): NodeError {
  return new NodeError({
    code: "model_not_loaded",
    message: `The model '${model}' is not loaded right now; the node is starting it again. Try again in a moment.`,
    status: 503,
    retryable: true,
    retryAfterSeconds: 1,
  });
}

/** 503: the model's process ended again and again, so that it is not started any more. */
export function modelRetired(model: string): NodeError {
  return new NodeError({
    code: "model_out_of_service",
    message: `The model '${model}' is out of service on this node: its process ended again and again. The node's log says how; another node or model can answer.`,
    status: 503,
    retryable: true,
  });
}

/** 502: the engine ended or broke off in the middle of a call. */
export function engineFailed(options: { message: string; cause?: unknown }): NodeError {
  return new NodeError({
    code: "engine_failed",
    message: options.message,
    status: 502,
    retryable: true,
    cause: options.cause,
  });
}

/** 502: the model made something else than the call asked for; another try, or another model, may do better. */
export function invalidAnswer(message: string): NodeError {
  return new NodeError({ code: "invalid_answer", message, status: 502, retryable: true });
}

/** 429: as many calls wait as may; `retryAfterSeconds` is an estimate from recent calls. */
export function queueFull(retryAfterSeconds: number): NodeError {
  return new NodeError({
    code: "queue_full",
    message: `This node's queue is full. Try again in ${retryAfterSeconds} s.`,
    status: 429,
    retryable: true,
    retryAfterSeconds,
  });
}

/** 503: the node ends, after the calls that it has. */
export function drainingError(): NodeError {
  return new NodeError({
    code: "draining",
    message: "This node is shutting down and takes no new calls. Try another one.",
    status: 503,
    retryable: true,
    retryAfterSeconds: 5,
  });
}

/** 503: the owner needs the machine himself. */
export function pausedError(retryAfterSeconds: number): NodeError {
  return new NodeError({
    code: "node_paused",
    message: "This node is paused by its owner and takes no calls now. Try another one.",
    status: 503,
    retryable: true,
    retryAfterSeconds,
  });
}

/** 500: a fault of the node itself; its cause goes to the log alone. */
export function internalError(): NodeError {
  return new NodeError({
    code: "internal_error",
    message: "The node failed to handle this call; its log has the cause. Try another one.",
    status: 500,
    retryable: true,
  });
}

/** 400: the body cannot be parsed. */
export function invalidJson(cause: unknown): NodeError {
  return new NodeError({
    code: "invalid_json",
    message: "The body is not valid JSON.",
    status: 400,
    retryable: false,
    cause,
  });
}

/** 503: an engine could not be started with its model; the message says why. */
export function modelLoadFailed(cause: unknown): NodeError {
  return new NodeError({
    code: "model_load_failed",
    message: cause instanceof Error ? cause.message : String(cause),
    status: 503,
    retryable: false,
    cause,
  });
}

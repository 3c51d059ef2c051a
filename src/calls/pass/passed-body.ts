import { isText } from "../../dialects/json.ts";
import { setTopLevelField } from "../../dialects/json-splice.ts";
import { readJsonObject, readWith } from "../../dialects/read-json.ts";
import { modelName } from "../../dialects/request-limits.ts";
import { RouteletError } from "../../errors.ts";
import { MAX_BODY_BYTES, readBody } from "../../read-body.ts";
import { formFields, withFormField } from "./multipart-field.ts";

/** The largest form that is read for its `model`, in bytes: OpenAI takes sound of 25 MB. */
export const MAX_FORM_BYTES = 32 * 1024 * 1024;

/** The largest body that passes unread, in bytes: OpenAI's own limit for a file. */
export const MAX_STREAM_BYTES = 512 * 1024 * 1024;

/** A request's body on its way to a provider. */
export interface PassedBody {
  /** The model that it names; null where it names none, or was not read. */
  model: string | null;
  /** What the ledger may keep of it: JSON that was read, never a file. */
  text: Uint8Array | null;
  /** The body to send, with the model's name as the provider has it. */
  send(model: string | null): Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array> | null;
  /** Whether it can be sent again. */
  replayable: boolean;
  /** Why sending it failed, where that was not the provider's fault. */
  failure(): RouteletError | null;
}

const ENCODER = new TextEncoder();

const sendable = (bytes: Uint8Array): Uint8Array<ArrayBuffer> => bytes as Uint8Array<ArrayBuffer>;

const never = (): null => null;

function tooLarge(): RouteletError {
  return new RouteletError({
    kind: "too_large",
    code: "request_too_large",
    message: `The request body is larger than ${MAX_STREAM_BYTES / 1024 / 1024} MiB. Send it in parts (\`/v1/uploads\`).`,
  });
}

/** The body as it comes. Where its length is told HTTP itself sees to it, else it is counted. */
async function passUnread(request: Request): Promise<PassedBody> {
  const declared = Number(request.headers.get("content-length") ?? Number.NaN);
  if (declared > MAX_STREAM_BYTES) {
    await request.body?.cancel();
    throw tooLarge();
  }
  let failure: RouteletError | null = null;
  let size = 0;
  const counted = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      size += chunk.length;
      if (size > MAX_STREAM_BYTES) {
        failure = tooLarge();
        throw failure;
      }
      controller.enqueue(chunk);
    },
  });
  return {
    model: null,
    text: null,
    replayable: request.body === null,
    send: () => (request.body === null || declared >= 0 ? request.body : request.body.pipeThrough(counted)),
    failure: () => failure,
  };
}

const ofBytes = (bytes: Uint8Array): PassedBody => ({
  model: null,
  text: null,
  replayable: true,
  send: () => (bytes.length === 0 ? null : sendable(bytes)),
  failure: never,
});

function ofJson(bytes: Uint8Array): PassedBody {
  const { text, json } = readJsonObject(bytes, "the endpoint's fields");
  const named = isText(json.model) ? readWith(modelName, json.model, ["model"]) : null;
  return {
    model: named,
    text: bytes,
    replayable: true,
    send: (model) =>
      model === null || model === named
        ? sendable(bytes)
        : sendable(ENCODER.encode(setTopLevelField(text, "model", model))),
    failure: never,
  };
}

const BRACE = 0x7b;
const isSpace = (byte: number): boolean => byte === 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d;

/** Whether a body of an undecided type is JSON: `curl -d` calls it a form, and some clients call it nothing. */
const beginsAsObject = (bytes: Uint8Array): boolean => bytes.find((byte) => !isSpace(byte)) === BRACE;

async function readJson(request: Request, certain: boolean): Promise<PassedBody> {
  const bytes = await readBody(request, MAX_BODY_BYTES);
  return bytes.length > 0 && (certain || beginsAsObject(bytes)) ? ofJson(bytes) : ofBytes(bytes);
}

async function readForm(request: Request, contentType: string): Promise<PassedBody> {
  const bytes = await readBody(request, MAX_FORM_BYTES);
  const [field, ...more] = formFields({ bytes, contentType, name: "model" });
  if (more.length > 0) {
    throw new RouteletError({
      kind: "invalid_request",
      code: "invalid_type",
      message: "`model` stands in the form more than once. Send it once.",
      param: "model",
    });
  }
  return {
    model: field === undefined || field.value === "" ? null : readWith(modelName, field.value, ["model"]),
    text: null,
    replayable: true,
    send: (model) =>
      sendable(
        field === undefined || model === null || model === field.value
          ? bytes
          : withFormField(bytes, field, model),
      ),
    failure: never,
  };
}

const JSON_TYPE = /^(application\/([\w.-]+\+)?json|text\/json)\b/i;
const UNDECIDED_TYPE = /^(application\/x-www-form-urlencoded\b|text\/plain\b|$)/i;
const FORM_TYPE = /^multipart\/form-data\b/i;

/**
 * Takes a request's body, and reads it where it may name a `model`: JSON, whatever it is called, and forms where
 * `formNamesModel`. All else, files above all, passes unread.
 *
 * @throws RouteletError `request_too_large`, what `readJsonObject` throws, `invalid_type`.
 */
export async function takeBody(options: {
  request: Request;
  /** Who is to answer is known without the model: a form that is too large to be read passes all the same. */
  providerNamed: boolean;
  formNamesModel: boolean;
}): Promise<PassedBody> {
  const { request } = options;
  const contentType = request.headers.get("content-type")?.trim() ?? "";
  if (request.body === null) return passUnread(request);
  if (JSON_TYPE.test(contentType)) return readJson(request, true);
  if (UNDECIDED_TYPE.test(contentType)) return readJson(request, false);
  if (!options.formNamesModel || !FORM_TYPE.test(contentType)) return passUnread(request);
  const tooLargeToRead = Number(request.headers.get("content-length") ?? 0) > MAX_FORM_BYTES;
  return options.providerNamed && tooLargeToRead ? passUnread(request) : readForm(request, contentType);
}

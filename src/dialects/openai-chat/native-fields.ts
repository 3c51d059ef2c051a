import { fieldPath } from "../read-json.ts";
import { chatFields } from "./request-schema.ts";

/** Collects what of a request only an OpenAI backend can honour, by path. */
export interface NativeFields {
  add(path: readonly PropertyKey[]): void;
  /** All fields of an object that its schema does not name, but for those that say nothing. */
  addUnknown(value: Record<string, unknown>, shape: object, path: readonly PropertyKey[]): void;
  readonly paths: string[];
}

export function collectNativeFields(): NativeFields {
  const paths: string[] = [];
  const add = (path: readonly PropertyKey[]): void => {
    paths.push(fieldPath(path));
  };
  return {
    paths,
    add,
    addUnknown(value, shape, path) {
      for (const field of Object.keys(value))
        if (!Object.hasOwn(shape, field) && value[field] != null) add([...path, field]);
    },
  };
}

/**
 * Read by the gateway itself, without meaning for a backend that keeps nothing for the caller (`store` and what
 * belongs to it), or a hint that a cache may do without.
 */
const NOT_THE_BACKENDS = {
  model: true,
  stream: true,
  stream_options: true,
  store: true,
  prompt_cache_retention: true,
  prompt_cache_options: true,
};

/** Tools that OpenAI runs itself are fields here. */
const HOSTED = { web_search_options: true };

const KNOWN = { ...chatFields.shape, ...NOT_THE_BACKENDS, ...HOSTED };

/** Paths of what asks for such a tool. */
export function hostedFields(json: Record<string, unknown>): string[] {
  return Object.keys(HOSTED).filter((field) => json[field] != null);
}

/** The request's own fields that have no internal form; `modalities: ["text"]` says nothing. */
export function addUnknownFields(json: Record<string, unknown>, native: NativeFields): void {
  const { modalities, ...fields } = json;
  native.addUnknown(fields, KNOWN, []);
  const textOnly = Array.isArray(modalities) && modalities.every((modality) => modality === "text");
  if (modalities != null && !textOnly) native.add(["modalities"]);
}

import { stat } from "node:fs/promises";
import { sha256OfFile } from "./cache.ts";
import type { GgufHeader } from "./gguf/header.ts";
import { readGgufHeaderOf } from "./gguf.ts";
import { ModelError } from "./model-error.ts";

/** A LoRA adapter on disk that fits its base. */
export interface Adapter {
  /** With the base's id before it, the model that agents ask for: `<base>+<name>`. */
  name: string;
  /** Absolute. */
  path: string;
  sha256: string;
  bytes: number;
}

/** What an adapter may be called. */
export const ADAPTER_NAME = /^[a-z0-9][a-z0-9._-]{0,63}$/i;

/** In an adapter's header: the SHA-256 of the base's file that it was made for. */
const BASE_KEY = "routelet.base.sha256";

/**
 * Reads an adapter (GGUF as llama.cpp's `convert_lora_to_gguf.py` writes it) and holds it against its base: llama.cpp
 * itself finds a wrong base only while it loads.
 * @throws {ModelError} `wrong_adapter`, `not_a_model`
 */
export async function readAdapter(options: {
  name: string;
  path: string;
  base: { id: string; path: string; sha256: string };
}): Promise<Adapter> {
  const { name, path, base } = options;
  if (!ADAPTER_NAME.test(name)) {
    throw wrong(
      path,
      `"${name.slice(0, 80)}" is no name for one: take letters, digits, dots, dashes and underscores`,
    );
  }
  const { size } = await stat(path).catch((cause: NodeJS.ErrnoException) => {
    throw wrong(path, `it cannot be read (${cause.code ?? cause.message})`);
  });
  const [adapter, model] = await Promise.all([readGgufHeaderOf(path), readGgufHeaderOf(base.path)]);
  const misfit = misfitOf(adapter, model, base.sha256);
  if (misfit !== null) throw wrong(path, `${misfit}, so it does not fit ${base.id}`);
  return { name, path, sha256: await sha256OfFile(path), bytes: size };
}

/** Why an adapter cannot be used with a base; null: it can. */
export function misfitOf(adapter: GgufHeader, base: GgufHeader, baseSha256: string): string | null {
  const { values } = adapter;
  if (values.get("general.type") !== "adapter" || values.get("adapter.type") !== "lora") {
    return "it is no LoRA adapter (general.type and adapter.type do not say so)";
  }
  if (typeof values.get("adapter.lora.alpha") !== "number") return "it has no adapter.lora.alpha";
  const [made, wanted] = [adapter, base].map((header) => header.values.get("general.architecture"));
  if (made !== wanted) return `it is for models of the architecture ${made}, not ${wanted}`;
  const madeFor = values.get(BASE_KEY);
  if (madeFor !== undefined && madeFor !== baseSha256) {
    return `it was made for the file with the SHA-256 ${madeFor}, not ${baseSha256}`;
  }
  return misfitOfTensors(adapter, base);
}

function misfitOfTensors(adapter: GgufHeader, base: GgufHeader): string | null {
  const shapes = new Map(base.tensors.map(({ name, dimensions }) => [name, dimensions]));
  const halves = new Map(adapter.tensors.map(({ name, dimensions }) => [name, dimensions]));
  const names = new Set(adapter.tensors.map(({ name }) => name.replace(/\.lora_[ab]$/, "")));
  if (names.size === 0) return "it changes nothing";
  for (const name of names) {
    const shape = shapes.get(name);
    const [a, b] = [halves.get(`${name}.lora_a`), halves.get(`${name}.lora_b`)];
    if (shape === undefined) return `it changes ${name}, which the model does not have`;
    if (a === undefined || b === undefined) return `it has no whole pair of tensors for ${name}`;
    // An embedding is looked up, not multiplied with: its halves stand the other way round.
    const [from, to] = name === "token_embd.weight" ? [b[1], a[1]] : [a[0], b[1]];
    const ranksAgree = name === "token_embd.weight" ? a[0] === b[0] : a[1] === b[0];
    if (!ranksAgree || from !== shape[0] || to !== shape[1]) {
      return `its change of ${name} is for ${from} × ${to} numbers, and the model has ${shape.join(" × ")}`;
    }
  }
  return null;
}

function wrong(path: string, why: string): ModelError {
  return new ModelError("wrong_adapter", `${path} cannot be used as an adapter: ${why}.`);
}

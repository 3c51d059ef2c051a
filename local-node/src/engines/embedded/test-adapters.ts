import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Adapter, readAdapter } from "../../models/adapter.ts";
import { testAdapter } from "../../models/testing/test-adapter.ts";
import { complete } from "../test-call.ts";
import { testModelPath } from "../test-model.ts";
import type { EmbeddedEngine } from "./embedded.ts";

const QUESTION = {
  messages: [{ role: "user", content: "Write one short sentence about the sea." }],
  temperature: 0,
  max_tokens: 12,
};

/** Adapters of an engine with the starter model in it; made by hand, so that they change answers but teach nothing. */
export function describeAdapters(under: () => EmbeddedEngine): void {
  describe("a model with adapters", () => {
    let folder: string;
    let adapters: Adapter[];
    const put = async (name: string, strength: number, seed = 1): Promise<Adapter> => {
      const base = { id: "smollm2", path: await testModelPath(), sha256: "a".repeat(64) };
      const path = join(folder, `${name}.gguf`);
      await writeFile(path, await testAdapter(base.path, { strength, seed }));
      return readAdapter({ name, path, base });
    };
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), "routelet-adapters-"));
      adapters = [await put("nothing", 0), await put("one", 0.03, 1), await put("two", 0.03, 2)];
    });
    afterAll(async () => {
      under().setAdapters([]);
      await rm(folder, { recursive: true });
    });
    const ask = async (name: string | null, body: object = QUESTION) => {
      const model = name === null ? "smollm2" : `smollm2+${name}`;
      const reply = await complete(under(), body, { model });
      expect(reply.model).toBe(model);
      return { text: reply.content, cached: reply.usage.prompt_tokens_details.cached_tokens };
    };

    it("is listed with each of them, under weights of its own", () => {
      const engine = under();
      engine.setAdapters(adapters);
      const [base, ...adapted] = engine.models();
      expect(adapted.map(({ id }) => id)).toEqual(["smollm2+nothing", "smollm2+one", "smollm2+two"]);
      expect(new Set(engine.models().map(({ fileSha256 }) => fileSha256)).size).toBe(4);
      const { fileSha256 } = adapted[0] ?? {};
      expect(adapted[0]).toEqual({ ...base, id: "smollm2+nothing", adapterOf: "smollm2", fileSha256 });
    });

    it("answers with them without a new process, the same each time, also all at once", async () => {
      const pid = under().runtime()?.pid;
      const names = [null, "nothing", "one", "two"];
      const alone: string[] = [];
      for (const name of names) alone.push((await ask(name)).text);
      const [base, nothing, one, two] = alone;
      expect(nothing).toBe(base);
      expect(new Set([base, one, two]).size).toBe(3);
      const together = await Promise.all(names.map((name) => ask(name)));
      expect(together.map(({ text }) => text)).toEqual(alone);
      expect(under().runtime()?.pid).toBe(pid);
    });

    it("reuses nothing for one that was computed with another, or without", async () => {
      const words =
        "Tell me what the quick brown fox did, and why, and to whom, and where, and when it was over.";
      const body = { ...QUESTION, messages: [{ role: "user", content: words.repeat(4) }], max_tokens: 2 };
      // What is the same in every prompt, the template's beginning, a slot may hold of an earlier call with the same.
      for (const name of [null, "one", "two"]) expect((await ask(name, body)).cached).toBeLessThan(40);
      for (const name of [null, "one", "two"]) expect((await ask(name, body)).cached).toBeGreaterThan(80);
    });

    it("takes a new file in place of an old one once it is told, and never one that nobody looked at", async () => {
      const before = (await ask("one")).text;
      const changed = await put("one", 0.03, 3);
      under().setAdapters([changed]);
      const after = (await ask("one")).text;
      expect(after).not.toBe(before);
      await put("one", 0.03, 1);
      // The one in memory is still the one that was looked at.
      expect((await ask("one")).text).toBe(after);
      under().setAdapters([{ ...changed, sha256: "d".repeat(64) }]);
      await expect(ask("one")).rejects.toMatchObject({ status: 503, code: "adapter_changed" });
    });

    it("does not know those that are gone", async () => {
      under().setAdapters([]);
      expect(under().models()).toHaveLength(1);
      await expect(ask("one")).rejects.toMatchObject({ status: 404, code: "model_not_found" });
    });
  });
}

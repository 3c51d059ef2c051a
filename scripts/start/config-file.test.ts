import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { applyConfigFile, readConfigFile } from "./config-file.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "routelet-config-"));
});
afterEach(() => rm(folder, { recursive: true }));

const write = (text: string, name = "routelet.config.json") => writeFile(join(folder, name), text);
const read = (env: Record<string, string> = {}) => readConfigFile({ folder, env });

describe("routelet.config.json", () => {
  it("is optional, and read where it stands", async () => {
    expect(await read()).toBeNull();
    await write('{"default_model":"x"}');
    expect(await read()).toEqual({
      path: join(folder, "routelet.config.json"),
      settings: { default_model: "x" },
      variables: [],
    });
  });

  it("may stand elsewhere, and must then be there", async () => {
    await write("{}", "other.json");
    expect(await read({ ROUTELET_CONFIG: "other.json" })).toMatchObject({ settings: {} });
    await expect(read({ ROUTELET_CONFIG: "missing.json" })).rejects.toThrow(
      /missing\.json cannot be read \(ENOENT\)/,
    );
  });

  it("takes whole values from the environment, so that no key stands in it", async () => {
    await write('{"providers":[{"keys":[{"key":"$GROQ_KEY"},{"key":"a$GROQ_KEY"}]}]}');
    expect(await read({ GROQ_KEY: "gsk" })).toMatchObject({
      settings: { providers: [{ keys: [{ key: "gsk" }, { key: "a$GROQ_KEY" }] }] },
      variables: ["GROQ_KEY"],
    });
    await expect(read()).rejects.toThrow(/providers\[0\]\.keys\[0\]\.key: the variable GROQ_KEY is not set/);
  });

  it.each([
    ["{", "is not JSON"],
    ["[]", "must hold a JSON object"],
    ["null", "must hold a JSON object"],
  ])("is refused by its path when it holds %j", async (text, why) => {
    await write(text);
    await expect(read()).rejects.toThrow(`${join(folder, "routelet.config.json")} ${why}`);
  });

  it("is refused as the gateway refuses it, by the field's path", async () => {
    const server = createServer((request, response) => {
      const wrong = {
        error: { message: "`deadlines.total_ms` is wrong: too small.", param: "deadlines.total_ms" },
      };
      const allowed = request.headers.authorization === "Bearer admin";
      response.writeHead(allowed ? 400 : 502).end(allowed ? JSON.stringify(wrong) : "<html>");
    });
    await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
    const { port } = server.address() as AddressInfo;
    const apply = (adminKey: string) =>
      applyConfigFile({
        config: { path: "c.json", settings: {}, variables: [] },
        url: `http://127.0.0.1:${port}`,
        adminKey,
      });
    await expect(apply("admin")).rejects.toThrow("c.json: `deadlines.total_ms` is wrong: too small.");
    await expect(apply("other")).rejects.toThrow("c.json: the gateway answered 502");
    server.close();
  });
});

import { chmod, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { parse } from "smol-toml";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Level } from "../log.ts";
import { loadConfig, prepareChange } from "./load-config.ts";
import { putSettings } from "./put-settings.ts";
import { renderConfig } from "./render-config.ts";
import { resolveConfig } from "./resolve-config.ts";
import { configSchema } from "./schema.ts";
import { SETTINGS, valueAt } from "./settings.ts";
import { watchConfig } from "./watch-config.ts";

const PATH = "/state/config.toml";
const NONE = { file: null, env: {}, flags: {} };
const file = (text: string) => ({ path: PATH, text });

describe("what is in force", () => {
  test("flags win over variables, those over the file, and that over the defaults", () => {
    const text = 'queueLimit = 1\n[engines.embedded]\nmodel = "from-file"\nsequences = 2\n';
    const env = { ROUTELET_NODE_QUEUE_LIMIT: "2", ROUTELET_MODEL: "from-variable" };
    const { config, origins } = resolveConfig({ file: file(text), env, flags: { queueLimit: "3" } });
    expect(config).toMatchObject({
      queueLimit: 3,
      engines: { embedded: { model: "from-variable", sequences: 2, enabled: true }, attach: [] },
    });
    expect(origins).toMatchObject({
      queueLimit: "flag",
      "engines.embedded.model": "variable",
      "engines.embedded.sequences": "file",
      "engines.embedded.enabled": "default",
    });
  });

  test("lists, tables and switches can be given as TOML writes them; an empty variable is none", () => {
    const env = {
      ROUTELET_NODE_ENGINES_ATTACH: '[{ url = "http://127.0.0.1:1/v1", slots = 3 }]',
      ROUTELET_NODE_ENGINES_EMBEDDED_ENABLED: "false",
      ROUTELET_NODE_QUEUE_LIMIT: "",
    };
    expect(resolveConfig({ ...NONE, env }).config).toMatchObject({
      queueLimit: 64,
      engines: { embedded: { enabled: false }, attach: [{ url: "http://127.0.0.1:1/v1", slots: 3 }] },
    });
  });

  test("a value of text is taken as it is, and cannot bring other settings along", () => {
    const flags = { "engines.embedded.model": "8", queueLimit: "1\nallowInsecureLan = true" };
    expect(() => resolveConfig({ ...NONE, flags })).toThrow(/The command line: queueLimit/);
    expect(
      resolveConfig({ ...NONE, flags: { "engines.embedded.model": "8" } }).config.engines.embedded.model,
    ).toBe("8");
  });

  const faults: [string, Parameters<typeof resolveConfig>[0], RegExp][] = [
    [
      "a wrong type",
      { ...NONE, file: file('queueLimit = "many"') },
      /^\/state\/config\.toml: queueLimit: .*number/,
    ],
    ["broken TOML", { ...NONE, file: file("queueLimit = 1\nx = =\n") }, /^\/state\/config\.toml, line 2: /],
    [
      "a name that is no setting",
      { ...NONE, file: file("[engines.embedded]\nmodle = 'x'") },
      /engines\.embedded\.modle: there is no such setting\. Known are: .*engines\.embedded\.model/,
    ],
    ["a table that is none", { ...NONE, file: file("[engine]\nx = 1") }, /engine: there is no such setting/],
    [
      "an entry of a list",
      { ...NONE, file: file('[[engines.attach]]\nurl = "nonsense"') },
      /engines\.attach\.0\.url/,
    ],
    [
      "a variable",
      { ...NONE, env: { ROUTELET_NODE_QUEUE_LIMIT: "-1" } },
      /^The variable ROUTELET_NODE_QUEUE_LIMIT: queueLimit/,
    ],
    [
      "a variable that is no setting",
      { ...NONE, env: { ROUTELET_NODE_QUEUELIMIT: "1" } },
      /ROUTELET_NODE_QUEUELIMIT is no setting.*ROUTELET_NODE_QUEUE_LIMIT/,
    ],
    ["a flag", { ...NONE, flags: { "log.format": "xml" } }, /^The command line: log\.format: .*"json"/],
    ["a flag that is no setting", { ...NONE, flags: { nope: "1" } }, /--set nope: there is no such setting/],
  ];
  test.each(faults)("%s is named where it stands", (_name, sources, message) => {
    expect(() => resolveConfig(sources)).toThrow(message);
  });
});

describe("the file", () => {
  test("written with nothing set it sets nothing, and has a comment for every setting", () => {
    const text = renderConfig({});
    expect(resolveConfig({ ...NONE, file: file(text) }).config).toEqual(configSchema.parse({}));
    for (const { path } of SETTINGS) expect(text).toMatch(new RegExp(`^# .*${path.split(".").pop()}`, "m"));
    expect(text.split("\n").filter((line) => line.length > 110)).toEqual([]);
  });

  test("with every example taken in it is valid: no comment shows what would be refused", () => {
    const text = renderConfig({}).replaceAll(/^# (?=\[\[|\w+ = )/gm, "");
    const { config } = resolveConfig({ ...NONE, file: file(text) });
    for (const { path, example } of SETTINGS) expect(valueAt(config, path)).toEqual(example);
  });

  const settings = fc.record(
    {
      gatewayUrl: fc.webUrl({ validSchemes: ["https"] }),
      allowInsecureLan: fc.boolean(),
      queueLimit: fc.nat(100),
      "engines.embedded.model": fc.string({ minLength: 1 }),
      "engines.embedded.sequences": fc.integer({ min: 1, max: 9 }),
      "engines.attach": fc.array(
        fc.record({ url: fc.constant("http://127.0.0.1:1/v1"), slots: fc.integer({ min: 1, max: 9 }) }),
        {
          maxLength: 2,
        },
      ),
    },
    { requiredKeys: [] },
  );
  const originals = [
    renderConfig({}),
    "",
    "# mine\nqueueLimit = 5 # few\n\n[engines.embedded]\n# keep\nmodel = 'a'\n",
    '[[engines.attach]]\nurl = "http://h/v1"\n[log]\nformat = "json"\n',
    "engines.embedded.model = 'dotted'\n",
    "engines = { embedded = { model = 'inline' } }\n",
    "# c\n[engines]\nattach = [\n  { url = 'http://h/v1' },\n]\n",
  ];

  test("putting values in gives just those values and leaves the rest, however the file is laid out", () => {
    fc.assert(
      fc.property(fc.constantFrom(...originals), settings, (original, values) => {
        const given = Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
        const before = configSchema.parse(structuredClone(parse(original)));
        const after = configSchema.parse(structuredClone(parse(putSettings(original, given).text)));
        for (const { path } of SETTINGS) {
          expect(valueAt(after, path)).toEqual(
            path in given ? given[path as keyof typeof given] : valueAt(before, path),
          );
        }
      }),
    );
  });

  test("the owner's comments stay", () => {
    const { text, rewritten } = putSettings(originals[2] ?? "", {
      queueLimit: 9,
      "engines.embedded.sequences": 2,
    });
    expect([text, rewritten]).toEqual([
      "# mine\nqueueLimit = 9\n\n[engines.embedded]\nsequences = 2\n# keep\nmodel = 'a'\n",
      false,
    ]);
    expect(putSettings(originals[2] ?? "", { queueLimit: 5 }).text).toBe(originals[2]);
  });
});

describe("on disk", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "routelet-config-"));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));
  const place = () => ({ path: join(folder, "config.toml"), env: {}, flags: {} });

  test("no file is the defaults; a change makes one for its owner alone, with the schema beside it", async () => {
    expect((await loadConfig(place())).config).toEqual(configSchema.parse({}));
    const change = await prepareChange(place(), { queueLimit: 3 });
    expect(change.config.queueLimit).toBe(3);
    await expect(stat(place().path)).rejects.toThrow();
    await change.write();
    expect((await loadConfig(place())).config.queueLimit).toBe(3);
    expect((await stat(place().path)).mode & 0o077).toBe(0);
    expect(JSON.parse(await readFile(join(folder, "config.schema.json"), "utf8"))).toHaveProperty(
      "properties.queueLimit",
    );
  });

  test("a change that is wrong, or of a file that is wrong, changes nothing", async () => {
    await writeFile(place().path, "queueLimit = 4\n");
    await expect(prepareChange(place(), { queueLimit: -1 })).rejects.toThrow(/queueLimit/);
    await writeFile(place().path, "queueLimit = = 4\n");
    await expect(prepareChange(place(), { queueLimit: 1 })).rejects.toThrow(/line 1/);
    expect(await readFile(place().path, "utf8")).toBe("queueLimit = = 4\n");
  });

  test("the JSON of the first version becomes TOML once, and is kept", async () => {
    const old = {
      gatewayUrl: "https://gateway.test",
      allowInsecureLan: true,
      engines: { embedded: null, attach: [{ url: "http://127.0.0.1:1/v1", apiKey: "k" }] },
      queueLimit: 7,
    };
    await writeFile(join(folder, "config.json"), JSON.stringify(old));
    for (let round = 0; round < 2; round++) {
      expect((await loadConfig(place())).config).toMatchObject({
        gatewayUrl: "https://gateway.test",
        allowInsecureLan: true,
        queueLimit: 7,
        engines: { embedded: { enabled: false }, attach: [{ url: "http://127.0.0.1:1/v1", apiKey: "k" }] },
      });
    }
    expect(JSON.parse(await readFile(join(folder, "config.json.old"), "utf8"))).toEqual(old);
  });

  test.runIf(process.platform !== "win32" && process.getuid?.() !== 0)(
    "a file that may not be read is named",
    async () => {
      await writeFile(place().path, "");
      await chmod(place().path, 0);
      await expect(loadConfig(place())).rejects.toThrow(/config\.toml cannot be read \(EACCES\)/);
    },
  );

  test("a running daemon takes live settings over, says what must wait, and outlives a broken file", async () => {
    const lines: [Level, string][] = [];
    const applied: number[] = [];
    const { config } = await loadConfig(place());
    const watching = watchConfig({
      place: place(),
      config,
      apply: (next) => applied.push(next.queueLimit),
      log: (level, message) => lines.push([level, message]),
      lookMs: 20,
    });
    const edit = async (text: string, said: RegExp) => {
      await writeFile(place().path, text);
      await vi.waitFor(() => expect(lines.at(-1)?.[1]).toMatch(said), { timeout: 20_000 });
    };
    try {
      await edit("queueLimit = 8", /^Settings changed: queueLimit is 8\.$/);
      expect(applied).toEqual([8]);
      await edit("queueLimit = ", /config\.toml, line 1: .*stay as they were/);
      await edit(
        'queueLimit = 8\n[engines.embedded]\nmodel = "x"',
        /take effect at the next start: engines\.embedded\.model/,
      );
      await edit('queueLimit = 9\n[engines.embedded]\nmodel = "x"', /queueLimit is 9/);
      expect(applied).toEqual([8, 9]);
    } finally {
      watching.close();
    }
  });
});

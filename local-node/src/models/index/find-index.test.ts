import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { readTextFile } from "../../hardware/cgroup.ts";
import { type Machine, parseIni } from "./config-files.ts";
import { type Ask, findIndex } from "./find-index.ts";

const nobody: Ask = async () => null;
let home: string;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "routelet-home-"));
});
afterEach(() => rm(home, { recursive: true, force: true }));

/** Only files below the temporary home exist. */
function find(env: Record<string, string>, options: { ask?: Ask; platform?: NodeJS.Platform } = {}) {
  const readText: Machine["readText"] = (path) => (path.startsWith(home) ? readTextFile(path) : null);
  return findIndex({ env, home, platform: "linux", readText, ask: nobody, ...options });
}

async function put(path: string, text: string): Promise<string> {
  const full = join(home, path);
  await mkdir(dirname(full), { recursive: true });
  await writeFile(full, text);
  return full;
}

const PIP = (host: string) => `[global]\nindex-url = https://${host}/simple\n`;

describe("the index that the user's client is set to", () => {
  const variables: [string, Record<string, string>, string][] = [
    [
      "PIP_INDEX_URL first",
      { PIP_INDEX_URL: "https://a.test/simple", UV_DEFAULT_INDEX: "https://b.test/simple" },
      "https://a.test/simple/",
    ],
    [
      "UV_DEFAULT_INDEX",
      { UV_DEFAULT_INDEX: "https://b.test/simple/", UV_INDEX_URL: "https://c.test/simple" },
      "https://b.test/simple/",
    ],
    [
      "UV_DEFAULT_INDEX with a name",
      { UV_DEFAULT_INDEX: "corp=https://b.test/simple" },
      "https://b.test/simple/",
    ],
    ["UV_INDEX_URL", { UV_INDEX_URL: "https://c.test/x" }, "https://c.test/x/"],
    [
      "http on loopback",
      { PIP_INDEX_URL: "http://127.0.0.1:3141/mirror/+simple" },
      "http://127.0.0.1:3141/mirror/+simple/",
    ],
    [
      "http to a trusted host",
      { PIP_INDEX_URL: "http://mirror.test/simple", PIP_TRUSTED_HOST: "mirror.test" },
      "http://mirror.test/simple/",
    ],
  ];
  test.each(variables)("%s", async (_name, env, url) => {
    await put(".config/pip/pip.conf", PIP("file.test"));
    expect((await find(env)).url).toBe(url);
  });

  const files: [string, NodeJS.Platform, string, string][] = [
    ["pip, per user", "linux", ".config/pip/pip.conf", PIP("user.test")],
    ["pip, the old place", "linux", ".pip/pip.conf", PIP("user.test")],
    ["pip on macOS", "darwin", "Library/Application Support/pip/pip.conf", PIP("user.test")],
    [
      "pip, command's own section over global",
      "linux",
      ".config/pip/pip.conf",
      `${PIP("global.test")}[install]\nindex_url: https://user.test/simple\n`,
    ],
    [
      "uv, default index",
      "linux",
      ".config/uv/uv.toml",
      '[[index]]\nurl = "https://extra.test/simple"\n[[index]]\nurl = "https://user.test/simple"\ndefault = true\n',
    ],
    ["uv, index-url", "linux", ".config/uv/uv.toml", 'index-url = "https://user.test/simple"\n'],
    ["uv, pip section", "darwin", ".config/uv/uv.toml", '[pip]\nindex-url = "https://user.test/simple"\n'],
  ];
  test.each(files)("%s", async (_name, platform, path, text) => {
    await put(path, text);
    const index = await find({}, { platform });
    expect(index.url).toBe("https://user.test/simple/");
    expect(index.from).toBe(join(home, path));
  });

  test("PIP_CONFIG_FILE replaces the user's file, a virtual environment's file is stronger than the user's", async () => {
    await put(".config/pip/pip.conf", PIP("user.test"));
    const own = await put("own.conf", PIP("own.test"));
    await put("venv/pip.conf", PIP("venv.test"));
    expect((await find({ PIP_CONFIG_FILE: own })).url).toBe("https://own.test/simple/");
    expect((await find({ VIRTUAL_ENV: join(home, "venv") })).url).toBe("https://venv.test/simple/");
  });

  test("the null device as PIP_CONFIG_FILE, and UV_NO_CONFIG, switch files off", async () => {
    await put(".config/pip/pip.conf", PIP("user.test"));
    await put(".config/uv/uv.toml", 'index-url = "https://user.test/simple"');
    await expect(find({ PIP_CONFIG_FILE: "/dev/null", UV_NO_CONFIG: "1" })).rejects.toMatchObject({
      code: "no_index",
    });
  });

  test("a Windows machine's folders", async () => {
    const files: Record<string, string> = {
      "C:\\Users\\me\\AppData\\Roaming\\pip\\pip.ini": PIP("user.test"),
    };
    const index = await findIndex({
      env: { APPDATA: "C:\\Users\\me\\AppData\\Roaming" },
      home: "C:\\Users\\me",
      platform: "win32",
      readText: (path) => files[path] ?? null,
      ask: nobody,
    });
    expect(index.url).toBe("https://user.test/simple/");
  });

  test("the installed pip is asked for its own default, then uv", async () => {
    const asked: string[] = [];
    const pip: Ask = async (command) => {
      asked.push(command);
      return command === "python" ? "https://pip.test/simple\n" : null;
    };
    expect(await find({}, { ask: pip })).toMatchObject({
      url: "https://pip.test/simple/",
      from: "pip of python",
    });
    expect(asked).toEqual(["python3", "python"]);
    const uv: Ask = async (command) =>
      command === "uv"
        ? "  --default-index <X>\n   The default package index (by\n   default: <https://uv.test/simple>) [env: UV_DEFAULT_INDEX]"
        : null;
    expect(await find({}, { ask: uv })).toMatchObject({ url: "https://uv.test/simple/", from: "uv" });
  });

  test("with nothing configured and nobody to ask, it says how to set one", async () => {
    await expect(find({})).rejects.toThrow(/Set PIP_INDEX_URL/);
  });

  test("credentials are taken out of the URL", async () => {
    const index = await find({ PIP_INDEX_URL: "https://me:p%40ss@a.test/simple" });
    expect(index.url).toBe("https://a.test/simple/");
    expect(index.authorization).toBe(`Basic ${Buffer.from("me:p@ss").toString("base64")}`);
  });

  test("threat: plain http to a host that nobody trusts is refused, and the password is not shown", async () => {
    const failure = find({ PIP_INDEX_URL: "http://me:s3cr3t@mirror.test/simple" });
    await expect(failure).rejects.toThrow(/must use https/);
    await expect(failure).rejects.not.toThrow(/s3cr3t/);
  });
});

test("pip's files are read as Python's configparser does", () => {
  const values = parseIni(
    "; c\n[global]\n# c\nindex-url=https://a\nextra-index-url =\n  https://b\n  https://c\n[install]\nTrusted_Host : d\n",
  );
  expect(Object.fromEntries(values)).toEqual({
    "global.index-url": "https://a",
    "global.extra-index-url": "https://b\nhttps://c",
    "install.trusted-host": "d",
  });
});

import { execFile } from "node:child_process";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startTestGateway } from "./harness/gateway.ts";
import { installFromCheckout, packLocalNode } from "./harness/local-node-package.ts";
import { startTestNode } from "./harness/node.ts";
import { makeTempFolder } from "./harness/temp-folder.ts";

// The daemon as people get it: packed, in an empty folder, without the checkout.

let packed: Awaited<ReturnType<typeof makeTempFolder>>;
let folder: Awaited<ReturnType<typeof makeTempFolder>>;
let program: string;

beforeAll(async () => {
  [packed, folder] = await Promise.all([makeTempFolder(), makeTempFolder()]);
  program = await installFromCheckout(await packLocalNode(packed.path), folder.path);
});
afterAll(() => Promise.all([packed.remove(), folder.remove()]));

function run(args: string[], nodeArgs: string[] = []) {
  return new Promise<{ code: number; stdout: string; stderr: string }>((done) => {
    const env = { ...process.env, npm_command: undefined };
    execFile(
      process.execPath,
      [...nodeArgs, program, ...args],
      { cwd: folder.path, env },
      (error, stdout, stderr) =>
        done({ code: typeof error?.code === "number" ? error.code : 0, stdout, stderr }),
    );
  });
}

test("the package holds the program and no TypeScript or tests", async () => {
  const inside = join(folder.path, "node_modules", "@routelet", "local-node");
  expect((await readdir(inside)).sort()).toEqual(["LICENSE", "README.md", "bin", "dist", "package.json"]);
  const files = await readdir(join(inside, "dist"), { recursive: true });
  expect(files.filter((file) => /\.ts$|\.test\.|(^|[\\/])testing([\\/]|$)/.test(file))).toEqual([]);
});

test("--help speaks of local-node, not of a clone", async () => {
  const { code, stdout } = await run(["--help"]);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^Usage: local-node /);
  expect(stdout).not.toContain("npm run");
});

test("doctor --json finds what the inference library can use", async () => {
  const { stdout } = await run(["doctor", "--json"]);
  const checks = JSON.parse(stdout) as { name: string; text: string }[];
  const text = (name: string) => checks.find((check) => check.name === name)?.text;
  expect(text("node")).toBe(`Node.js ${process.versions.node}`);
  expect(text("gpu")).not.toMatch(/could not be loaded/);
});

test("an older Node.js is told what is needed", async () => {
  const old = `Object.defineProperty(process, "versions", { value: { ...process.versions, node: "22.14.0" } })`;
  const { code, stderr } = await run(
    ["--help"],
    ["--import", `data:text/javascript,${encodeURIComponent(old)}`],
  );
  expect(code).toBe(1);
  expect(stderr).toBe(
    "local-node: Node.js 22.15 or newer is needed, and this is 22.14.0. Install a newer one from nodejs.org or with your package manager.\n",
  );
});

test("it joins a gateway with the starter model and answers", async () => {
  const gateway = await startTestGateway();
  const node = await startTestNode({ gateway, program, cwd: folder.path });
  try {
    const reply = await gateway.chat({
      model: "slm",
      messages: [{ role: "user", content: "What color is the sky?" }],
      max_tokens: 8,
    });
    expect(reply.status).toBe(200);
    expect(reply.headers.get("x-routelet-served-by")).toBe("slm/smollm2-135m-instruct");
  } finally {
    await node.close();
    await gateway.close();
  }
});

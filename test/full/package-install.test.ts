import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startTestGateway } from "../harness/gateway.ts";
import { installWithNpm, packLocalNode } from "../harness/local-node-package.ts";
import { startTestNode } from "../harness/node.ts";
import { makeTempFolder } from "../harness/temp-folder.ts";

// The packed daemon with its packages from the user's registry, as `npm install` puts them: almost a gigabyte.

const run = promisify(execFile);
let packed: Awaited<ReturnType<typeof makeTempFolder>>;
let folder: Awaited<ReturnType<typeof makeTempFolder>>;
let program: string;

beforeAll(async () => {
  [packed, folder] = await Promise.all([makeTempFolder(), makeTempFolder()]);
  program = await installWithNpm(await packLocalNode(packed.path), folder.path);
});
afterAll(() => Promise.all([packed.remove(), folder.remove()]));

test("npx finds the program in the folder", async () => {
  const { stdout } = await run("npx", ["--no", "local-node", "--version"], {
    cwd: folder.path,
    shell: process.platform === "win32",
  });
  expect(stdout.trim()).toMatch(/^\d+\.\d+\.\d+$/);
});

test("it joins a gateway and answers", async () => {
  const gateway = await startTestGateway();
  const node = await startTestNode({ gateway, program, cwd: folder.path });
  try {
    const messages = [{ role: "user", content: "What color is the sky?" }];
    const reply = await gateway.chat({ model: "slm", messages, max_tokens: 8 });
    expect([reply.status, reply.headers.get("x-routelet-served-by")]).toEqual([
      200,
      "slm/smollm2-135m-instruct",
    ]);
  } finally {
    await node.close();
    await gateway.close();
  }
});

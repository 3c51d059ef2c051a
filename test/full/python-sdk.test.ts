import { execFile, execFileSync } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { chatReply, chatStream } from "../harness/chat-replies.ts";
import { API_KEY, startTestGateway, type TestGateway } from "../harness/gateway.ts";
import { makeTempFolder } from "../harness/temp-folder.ts";
import { startUpstream, type Upstream } from "../harness/upstream.ts";

const SCRIPT = `
import json, os
from openai import OpenAI, AuthenticationError, BadRequestError, NotFoundError
url = os.environ["GATEWAY"] + "/v1"
client = OpenAI(base_url=url, api_key=os.environ["KEY"], max_retries=0)
messages = [{"role": "user", "content": "hello"}]
whole = client.chat.completions.with_raw_response.create(model="gpt-5-mini", messages=messages)
seen = {"whole": whole.parse().choices[0].message.content, "served_by": whole.headers.get("x-routelet-served-by")}
stream = client.chat.completions.create(model="gpt-5-mini", messages=messages, stream=True, stream_options={"include_usage": True})
pieces, usage = [], None
for chunk in stream:
    pieces += [c.delta.content for c in chunk.choices if c.delta.content]
    usage = chunk.usage or usage
seen["pieces"], seen["tokens"] = pieces, usage.completion_tokens
def error_of(call):
    try:
        call()
    except (AuthenticationError, BadRequestError, NotFoundError) as error:
        return [type(error).__name__, error.code]
seen["wrong_key"] = error_of(lambda: OpenAI(base_url=url, api_key="wrong", max_retries=0).models.list())
seen["unknown_model"] = error_of(lambda: client.chat.completions.create(model="slm/none", messages=messages))
seen["wrong_type"] = error_of(lambda: client.chat.completions.create(model="gpt-5-mini", messages="no list"))
print(json.dumps(seen))
`;

/** The interpreter that brings venv; the SDK is fetched by the user's own pip. */
const PYTHON = ["python3", "python"].find((name) => {
  try {
    execFileSync(name, ["-c", "import venv"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
});

let folder: Awaited<ReturnType<typeof makeTempFolder>>;
let upstream: Upstream;
let gateway: TestGateway;
let python: string;

beforeAll(async () => {
  if (PYTHON === undefined) return;
  folder = await makeTempFolder();
  execFileSync(PYTHON, ["-m", "venv", folder.path]);
  python = join(folder.path, process.platform === "win32" ? "Scripts/python.exe" : "bin/python");
  execFileSync(python, ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "openai"], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  upstream = await startUpstream((request) =>
    request.body.includes('"stream":true') || request.body.includes('"stream": true')
      ? chatStream({ tokens: ["Hel", "lo"] })
      : chatReply({ content: "Hello" }),
  );
  gateway = await startTestGateway({
    vars: { OPENAI_API_KEY: "canned", OPENAI_BASE_URL: `${upstream.url}/v1` },
  });
});

afterAll(async () => {
  if (PYTHON === undefined) return;
  await gateway.close();
  await upstream.close();
  await folder.remove();
});

test.skipIf(PYTHON === undefined)(
  "the official Python SDK chats, streams, and gets its own error types",
  async () => {
    const { stdout } = await promisify(execFile)(python, ["-c", SCRIPT], {
      env: { ...process.env, GATEWAY: gateway.url, KEY: API_KEY, NO_PROXY: "127.0.0.1" },
    });
    expect(JSON.parse(stdout)).toMatchObject({
      whole: "Hello",
      served_by: expect.stringMatching(/^llm\/openai\//),
      pieces: ["Hel", "lo"],
      tokens: 2,
      wrong_key: ["AuthenticationError", expect.any(String)],
      unknown_model: ["NotFoundError", expect.any(String)],
      wrong_type: ["BadRequestError", expect.any(String)],
    });
  },
);

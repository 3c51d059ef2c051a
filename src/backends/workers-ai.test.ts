import { describe, expect, it } from "vitest";
import type { Env } from "../env.ts";
import { callCloud } from "./call-cloud.ts";
import type { BackendReply } from "./reply.ts";

const encode = (text: string) => new Uint8Array(new TextEncoder().encode(text));

/** The edge of the world: what Cloudflare's binding answers, in the two shapes that its models have. */
function binding(answer: () => Response): Env {
  return { AI: { run: async () => answer() } } as unknown as Env;
}

function call(env: Env, stream: boolean, mayLeave = true) {
  return callCloud({
    env,
    provider: "workers-ai",
    dialect: "openai-chat",
    model: "@cf/meta/llama",
    body: encode(JSON.stringify({ messages: [], stream })),
    clientHeaders: new Headers(),
    mayLeave,
    signal: new AbortController().signal,
    fetch,
  });
}

const text = async (reply: BackendReply) => new TextDecoder().decode(await reply.whole());

describe("callCloud with Workers AI", () => {
  it("turns a native reply into OpenAI's", async () => {
    const reply = await call(
      binding(() => Response.json({ response: "hi", usage: { prompt_tokens: 1, completion_tokens: 2 } })),
      false,
    );
    expect(JSON.parse(await text(reply))).toMatchObject({
      object: "chat.completion",
      model: "@cf/meta/llama",
      choices: [{ message: { role: "assistant", content: "hi" }, finish_reason: "stop" }],
      usage: { completion_tokens: 2 },
    });
  });

  it("turns native tool calls into OpenAI's", async () => {
    const reply = await call(
      binding(() => Response.json({ tool_calls: [{ name: "f", arguments: { a: 1 } }] })),
      false,
    );
    expect(JSON.parse(await text(reply))).toMatchObject({
      choices: [
        {
          finish_reason: "tool_calls",
          message: { tool_calls: [{ type: "function", function: { name: "f", arguments: '{"a":1}' } }] },
        },
      ],
    });
  });

  it("turns a native stream into OpenAI chunks: role once, usage, one terminator", async () => {
    const native =
      'data: {"response":"he"}\n\ndata: {"response":"llo"}\n\ndata: {"response":"","usage":{"prompt_tokens":1,"completion_tokens":2}}\n\ndata: [DONE]\n\n';
    const reply = await call(
      binding(() => new Response(native)),
      true,
    );
    const events = (await text(reply))
      .trim()
      .split("\n\n")
      .map((line) => line.slice(6));
    expect(events.at(-1)).toBe("[DONE]");
    const chunks = events.slice(0, -1).map((event) => JSON.parse(event));
    expect(chunks.map(({ choices }) => choices[0]?.delta)).toEqual([
      { role: "assistant", content: "he" },
      { content: "llo" },
      {},
      undefined,
    ]);
    expect(chunks.at(-1).usage.completion_tokens).toBe(2);
  });

  it("passes a reply that is in OpenAI's shape already", async () => {
    const own = { id: "x", choices: [{ message: { content: "hi" } }] };
    expect(
      JSON.parse(
        await text(
          await call(
            binding(() => Response.json(own)),
            false,
          ),
        ),
      ),
    ).toEqual(own);
  });

  it("gives the binding's refusal as an error object with its status", async () => {
    const reply = await call(
      binding(() => new Response("no such model", { status: 404 })),
      false,
    );
    expect(reply.status).toBe(404);
    expect(JSON.parse(await text(reply)).error.message).toBe("no such model");
  });
});

describe("callCloud", () => {
  it("threat: content marked local-only is stopped at the one place where content leaves", async () => {
    const asked: unknown[] = [];
    const env = { OPENAI_API_KEY: "k", AI: { run: async () => asked.push("ai") } } as unknown as Env;
    for (const provider of ["openai", "workers-ai"]) {
      const sent = callCloud({
        env,
        provider,
        dialect: "openai-chat",
        model: "m",
        body: encode("{}"),
        clientHeaders: new Headers(),
        mayLeave: false,
        signal: new AbortController().signal,
        fetch: async (input) => {
          asked.push(input);
          return new Response();
        },
      });
      await expect(sent).rejects.toMatchObject({ code: "local_only_violation" });
    }
    expect(asked).toEqual([]);
  });

  it("threat: a provider's redirect could carry the key elsewhere, so it is not followed", async () => {
    const sent = callCloud({
      env: { OPENAI_API_KEY: "k", OPENAI_BASE_URL: "http://127.0.0.1:1/v1" } as Env,
      provider: "openai",
      dialect: "openai-chat",
      model: "m",
      body: encode("{}"),
      clientHeaders: new Headers(),
      mayLeave: true,
      signal: new AbortController().signal,
      fetch: async (_input, init) => {
        expect(init?.redirect).toBe("manual");
        return new Response(null, { status: 302, headers: { location: "http://127.0.0.1:2/" } });
      },
    });
    await expect(sent).rejects.toMatchObject({ code: "upstream_redirect", status: 502 });
  });
});

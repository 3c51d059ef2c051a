import { env, runDurableObjectAlarm } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import { deleteResponse, keepResponse, readResponse } from "../../ledger/responses/kept-responses.ts";
import { ENV_KEY_ID } from "../../security/caller.ts";
import { sealJob } from "./job.ts";

const projectId = "default";

async function keep(id: string, status: string): Promise<void> {
  await keepResponse({
    env,
    projectId,
    id,
    previousId: null,
    content: { input: [], response: { id, object: "response", status, output: [] } },
    now: Date.now(),
    keepMs: 60_000,
  });
}

/** A job that cannot be made (no provider has a key here), so that a run leaves its mark on the response. */
async function submit(id: string) {
  const job = {
    callId: id.replace("resp_", "call_"),
    caller: { keyId: ENV_KEY_ID, projectId, returnRequestedModel: false, audience: "agent" as const },
    startedAt: Date.now(),
    headers: [] as [string, string][],
    body: JSON.stringify({ model: "gpt-x", input: "make it", background: true }),
  };
  const stub = env.BACKGROUND.getByName(id);
  await stub.submit({ kept: await sealJob({ env, id, job }), stream: false });
  await runDurableObjectAlarm(stub);
  // Its job is forgotten once it has run: there is nothing to follow any more.
  await expect.poll(async () => (await stub.fetch("https://background/")).status).toBe(404);
}

const responseOf = async (id: string) => (await readResponse({ env, projectId, id }))?.response;

describe("a job that is run again after a cut", () => {
  it.each(["completed", "incomplete", "failed", "cancelled"])(
    "leaves a response that is %s as it is",
    async (status) => {
      const id = `resp_${status}`;
      await keep(id, status);
      await submit(id);
      expect(await responseOf(id)).toEqual({ id, object: "response", status, output: [] });
    },
  );

  it("goes on with one that is not made yet", async () => {
    await keep("resp_open", "in_progress");
    await submit("resp_open");
    expect(await responseOf("resp_open")).toMatchObject({ status: "failed" });
  });

  it("makes nothing of one that was deleted", async () => {
    await keep("resp_gone", "queued");
    await deleteResponse({ env, projectId, id: "resp_gone" });
    await submit("resp_gone");
    expect(await responseOf("resp_gone")).toBeUndefined();
  });
});

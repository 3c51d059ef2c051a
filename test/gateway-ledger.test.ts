import { afterAll, beforeAll, expect, it } from "vitest";
import { chatReply } from "./harness/chat-replies.ts";
import { connectRaw, postBytes } from "./harness/client.ts";
import { API_KEY, startTestGateway, type TestGateway } from "./harness/gateway.ts";
import { startUpstream, type Upstream } from "./harness/upstream.ts";

interface CallRow {
  id: string;
  outcome: string;
}

const MESSAGES = [{ role: "user", content: "hi" }];
const ROUNDS = 40;
const STAYING = 12;
const PAGE = 100;

let upstream: Upstream;
let gateway: TestGateway;

beforeAll(async () => {
  upstream = await startUpstream(chatReply({ content: "hi" }));
  gateway = await startTestGateway({
    vars: { OPENAI_API_KEY: "provider-key", OPENAI_BASE_URL: `${upstream.url}/v1` },
  });
});

afterAll(async () => {
  await gateway.close();
  await upstream.close();
});

async function rowsOf(model: string): Promise<CallRow[]> {
  const rows: CallRow[] = [];
  for (let cursor = ""; ; ) {
    const page = (await gateway.admin(`/api/calls?model=${model}&limit=${PAGE}${cursor}`)) as {
      data: CallRow[];
      next_cursor: string | null;
    };
    rows.push(...page.data);
    if (page.next_cursor === null) return rows;
    cursor = `&cursor=${page.next_cursor}`;
  }
}

/** Asks, and is gone `steps` turns of this process's event loop later. */
async function askAndLeave(steps: number): Promise<void> {
  const client = await connectRaw(gateway.url);
  client.write(
    postBytes({
      url: gateway.url,
      path: "/v1/chat/completions",
      headers: { authorization: `Bearer ${API_KEY}` },
      body: JSON.stringify({ model: "gpt-leaving", messages: MESSAGES }),
    }),
  );
  for (let step = 0; step < steps; step++) await new Promise((resolve) => setImmediate(resolve));
  client.abort();
  await client.ended;
}

it("calls whose start another call sends are recorded and answered, whenever that one's client leaves", async () => {
  const ids = new Set<string>();
  const stay = async (): Promise<void> => {
    const response = await gateway.chat({ model: "gpt-staying", messages: MESSAGES });
    expect(response.status).toBe(200);
    await response.arrayBuffer();
    ids.add(response.headers.get("x-routelet-call") ?? "");
  };
  for (let round = 0; round < ROUNDS; round++) {
    // Those that leave are first: it is theirs to send the starts of the rest.
    const leaving = [askAndLeave(round), askAndLeave(2 * round)];
    await Promise.all([...leaving, ...Array.from({ length: STAYING }, stay)]);
  }
  expect(ids.size).toBe(ROUNDS * STAYING);
  for (;;) {
    const rows = [...(await rowsOf("gpt-staying")), ...(await rowsOf("gpt-leaving"))];
    if (rows.some(({ outcome }) => outcome === "running")) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      continue;
    }
    const stayed = rows.filter(({ id }) => ids.has(id));
    expect(new Set(stayed.map(({ outcome }) => outcome))).toEqual(new Set(["done"]));
    expect(stayed.length).toBe(ids.size);
    expect(rows.length).toBeGreaterThan(ids.size);
    break;
  }
  // None had to wait until the start was given up and sent again with the end.
  expect(gateway.logs.filter(({ message }) => message.includes("ledger_start_failed"))).toEqual([]);
});

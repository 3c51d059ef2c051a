import {
  applyD1Migrations,
  env,
  evictDurableObject,
  runDurableObjectAlarm,
  runInDurableObject,
} from "cloudflare:test";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { finishRecord, startRecord } from "./fixtures/records.ts";
import { type Ledger, LOST_AFTER_MS } from "./ledger.ts";
import type { StoredBody } from "./records.ts";

beforeAll(async () => {
  await applyD1Migrations(env.DB, env.TEST_MIGRATIONS);
});

let shard = 0;

/** Each test has an object of its own. */
function ledger(): DurableObjectStub<Ledger> {
  return env.LEDGER.getByName(`test-${shard++}`);
}

function failD1(stub: DurableObjectStub<Ledger>): Promise<void> {
  return runInDurableObject(stub, (instance: Ledger) => {
    instance.database = {
      prepare: (sql) => env.DB.prepare(sql),
      batch: () => Promise.reject(new Error("D1_ERROR: D1 DB is overloaded.")),
    };
  });
}

function moveClock(stub: DurableObjectStub<Ledger>, ms: number): Promise<void> {
  return runInDurableObject(stub, (instance: Ledger) => {
    instance.clock = () => Date.now() + ms;
  });
}

/** Lets the object's alarm run until nothing waits; nothing else writes to D1 meanwhile. */
function untilWritten(stub: DurableObjectStub<Ledger>): Promise<void> {
  return vi.waitFor(
    async () => {
      await runDurableObjectAlarm(stub);
      expect(await stub.stats()).toMatchObject({ readyCalls: 0, openCalls: 0, bodyBytes: 0, failures: 0 });
    },
    { timeout: 20_000, interval: 20 },
  );
}

async function row(id: string): Promise<Record<string, unknown> | null> {
  return env.DB.prepare("SELECT * FROM calls WHERE id = ?").bind(id).first();
}

function body(part: StoredBody["part"], bytes: number): StoredBody {
  return {
    part,
    body: {
      keyId: "k1",
      iv: new Uint8Array(12).fill(7),
      ciphertext: new Uint8Array(bytes).fill(9),
      compression: "gzip",
    },
    originalBytes: bytes,
    truncated: false,
  };
}

describe("the ledger's way to D1", () => {
  it("writes a call with its attempts and bodies, all with the call's project", async () => {
    const stub = ledger();
    const start = startRecord({ session: "s1", stream: true });
    await stub.start(start);
    await stub.finish([{ finish: finishRecord(start, { bodies: [body("request", 300)] }), start: null }]);
    expect(await stub.flush()).toBe(true);

    expect(await row(start.id)).toMatchObject({
      project_id: "default",
      session: "s1",
      stream: 1,
      outcome: "done",
      status: 200,
      served_by: "slm/smollm2",
      input_tokens: 12,
      output_tokens: 7,
      cost_usd: null,
      latency_ms: 120,
    });
    const attempt = await env.DB.prepare("SELECT * FROM attempts WHERE call_id = ?").bind(start.id).first();
    expect(attempt).toMatchObject({
      project_id: "default",
      seq: 1,
      kind: "node",
      backend: "node_1",
      first_byte_ms: 39,
    });
    const stored = await env.DB.prepare(
      "SELECT hex(ciphertext) AS c, hex(iv) AS iv FROM bodies WHERE call_id = ?",
    )
      .bind(start.id)
      .first<{ c: string; iv: string }>();
    expect(stored?.c).toBe("09".repeat(300));
    expect(stored?.iv).toBe("07".repeat(12));
    expect(await stub.stats()).toMatchObject({ openCalls: 0, readyCalls: 0, bodyBytes: 0 });
  });

  it("stores a body that is too large for hex", async () => {
    const stub = ledger();
    const start = startRecord();
    await stub.start(start);
    await stub.finish([
      { finish: finishRecord(start, { bodies: [body("response", 1_400_000)] }), start: null },
    ]);
    expect(await stub.flush()).toBe(true);
    const stored = await env.DB.prepare("SELECT length(ciphertext) AS n FROM bodies WHERE call_id = ?")
      .bind(start.id)
      .first("n");
    expect(stored).toBe(1_400_000);
  });

  it("takes the starts of one message in one commit", async () => {
    const stub = ledger();
    const commits = await runInDurableObject(stub, async (instance: Ledger, state) => {
      const exec = state.storage.sql.exec.bind(state.storage.sql);
      let count = 0;
      state.storage.sql.exec = ((sql: string, ...bindings: unknown[]) => {
        if (sql.includes("INSERT INTO starts")) count += 1;
        return exec(sql, ...bindings);
      }) as typeof exec;
      await instance.start(...Array.from({ length: 50 }, () => startRecord()));
      return count;
    });
    expect(commits).toBe(1);
    expect(await stub.stats()).toMatchObject({ openCalls: 50 });
  });

  it("holds a start for its finish, and writes it alone after five seconds", async () => {
    const stub = ledger();
    const start = startRecord();
    await stub.start(start);
    await stub.flush();
    expect(await row(start.id)).toBeNull();
    await moveClock(stub, 6_000);
    await stub.flush();
    expect(await row(start.id)).toMatchObject({ outcome: null, requested_model: "auto" });
    await stub.finish([{ finish: finishRecord(start), start: null }]);
    await stub.flush();
    expect(await row(start.id)).toMatchObject({ outcome: "done", status: 200 });
  });

  it("writes two billed rows for a call, one for each attempt and body, and one for all that share their sums", async () => {
    const stub = ledger();
    let written = 0;
    await runInDurableObject(stub, (instance: Ledger) => {
      instance.database = {
        prepare: (sql) => env.DB.prepare(sql),
        batch: async <T>(statements: D1PreparedStatement[]) => {
          const results = await env.DB.batch<T>(statements);
          for (const result of results) written += result.meta.rows_written;
          return results;
        },
      };
    });
    const startedAt = Date.now();
    const starts = [startRecord({ startedAt }), startRecord({ startedAt })];
    await stub.start(...starts);
    await stub.finish(
      starts.map((start) => ({
        finish: finishRecord(start, { bodies: [body("request", 20), body("response", 20)] }),
        start: null,
      })),
    );
    await stub.flush();
    expect(written).toBe(2 * 5 + 1);
  });
});

describe("idempotence", () => {
  it("never changes an ended call by a later start or a second finish", async () => {
    const stub = ledger();
    const start = startRecord();
    const finish = finishRecord(start);
    await stub.start(start);
    await stub.finish([
      { finish, start: null },
      { finish, start },
    ]);
    await stub.flush();
    await stub.start({ ...start, requestedModel: "other" });
    await stub.finish([{ finish: { ...finish, outcome: "error", status: 500 }, start }]);
    await moveClock(stub, 6_000);
    await stub.flush();
    expect(await row(start.id)).toMatchObject({ outcome: "done", status: 200, requested_model: "auto" });
    const attempts = await env.DB.prepare("SELECT seq FROM attempts WHERE call_id = ?").bind(start.id).all();
    expect(attempts.results).toHaveLength(1);
  });

  it("keeps a finish whose start never arrived, from the start that travels with it", async () => {
    const stub = ledger();
    const start = startRecord();
    await stub.finish([{ finish: finishRecord(start), start }]);
    await stub.flush();
    expect(await row(start.id)).toMatchObject({ outcome: "done", key_id: "env" });
  });

  it("writes 1,000 calls, none twice", async () => {
    const stub = ledger();
    const starts = Array.from({ length: 1_000 }, () => startRecord({ session: "thousand" }));
    for (let at = 0; at < starts.length; at += 50) {
      const some = starts.slice(at, at + 50);
      await Promise.all(some.map((start) => stub.start(start)));
      await stub.finish(some.map((start) => ({ finish: finishRecord(start), start: null })));
    }
    expect(await stub.flush()).toBe(true);
    const counted = await env.DB.prepare(
      "SELECT count(*) AS rows, count(DISTINCT id) AS ids, sum(outcome = 'done') AS done FROM calls WHERE session = 'thousand'",
    ).first();
    expect(counted).toEqual({ rows: 1_000, ids: 1_000, done: 1_000 });
    expect(await stub.stats()).toMatchObject({ readyCalls: 0, openCalls: 0 });
  });
});

describe("when D1 fails", () => {
  it("loses nothing, keeps the buffer through an eviction and writes it when D1 is back", async () => {
    const stub = ledger();
    await failD1(stub);
    const starts = Array.from({ length: 150 }, () => startRecord({ session: "outage" }));
    await Promise.all(starts.map((start) => stub.start(start)));
    await stub.finish(
      starts.map((start) => ({
        finish: finishRecord(start, { bodies: [body("request", 20)] }),
        start: null,
      })),
    );
    expect(await stub.flush()).toBe(false);
    expect(await stub.stats()).toMatchObject({ readyCalls: 150, failures: expect.any(Number) });
    const before = await stub.stats();
    expect(before.failures).toBeGreaterThan(0);

    await evictDurableObject(stub);
    expect(await stub.stats()).toMatchObject({ readyCalls: 150, bodyBytes: 3_000, failures: 0 });
    await untilWritten(stub);
    const counted = await env.DB.prepare(
      "SELECT count(*) AS calls, (SELECT count(*) FROM bodies JOIN calls c ON c.id = call_id WHERE c.session = 'outage') AS bodies FROM calls WHERE session = 'outage'",
    ).first();
    expect(counted).toEqual({ calls: 150, bodies: 150 });
  });

  it("knows after an eviction which of the calls that began together still run, and reads what the others said", async () => {
    const stub = ledger();
    const starts = Array.from({ length: 6 }, () => startRecord());
    await Promise.all(starts.map((start) => stub.start(start)));
    const [written, waiting, ...running] = starts;
    if (!written || !waiting) throw new Error("no calls");
    await stub.finish([{ finish: finishRecord(written, { bodies: [body("request", 30)] }), start: null }]);
    await stub.flush();
    await failD1(stub);
    const bodies = [body("response", 10), body("request", 20)];
    await stub.finish([{ finish: finishRecord(waiting, { bodies }), start: null }]);

    await evictDurableObject(stub);
    await failD1(stub);
    expect(await stub.stats()).toMatchObject({ openCalls: 4, readyCalls: 1, bodyBytes: 30 });
    expect(await stub.read(written.id)).toBeNull();
    for (const { id } of running) expect(await stub.read(id)).toMatchObject({ row: { id, outcome: null } });
    const read = await stub.read(waiting.id);
    expect(read).toMatchObject({ row: { outcome: "done" }, attempts: [{ seq: 1 }] });
    expect(read?.bodies).toEqual([body("request", 20), body("response", 10)]);
  });

  it("keeps more records than it holds in memory", async () => {
    const stub = ledger();
    await failD1(stub);
    const starts = Array.from({ length: 4_100 }, () => startRecord());
    await runInDurableObject(stub, async (instance: Ledger) => {
      await Promise.all(starts.map((start) => instance.start(start)));
    });
    const last = starts.at(-1);
    if (!last) throw new Error("no call");
    expect((await stub.read(last.id))?.row).toMatchObject({ id: last.id, startedAt: last.startedAt });
    await stub.finish([{ finish: finishRecord(last), start: null }]);
    expect(await stub.read(last.id)).toMatchObject({ row: { outcome: "done", requestedModel: "auto" } });
    expect(await stub.stats()).toMatchObject({ openCalls: 4_099, readyCalls: 1 });
  });

  it("tries again by alarm until D1 takes the batch", async () => {
    const stub = ledger();
    let failures = 3;
    await runInDurableObject(stub, (instance: Ledger) => {
      instance.database = {
        prepare: (sql) => env.DB.prepare(sql),
        batch: <T>(statements: D1PreparedStatement[]) => {
          failures -= 1;
          return failures < 0
            ? env.DB.batch<T>(statements)
            : Promise.reject(new Error("D1_ERROR: network lost"));
        },
      };
    });
    const start = startRecord();
    await stub.start(start);
    await stub.finish([{ finish: finishRecord(start), start: null }]);
    let now = Date.now();
    await runInDurableObject(stub, (instance: Ledger) => {
      instance.clock = () => {
        now += 61_000;
        return now;
      };
    });
    await untilWritten(stub);
    expect(await row(start.id)).toMatchObject({ outcome: "done" });
    expect(failures).toBe(-1);
  });

  it("counts out the one row that D1 will never take and writes the others", async () => {
    const stub = ledger();
    const starts = Array.from({ length: 9 }, () => startRecord({ session: "poison" }));
    await Promise.all(starts.map((start) => stub.start(start)));
    await stub.finish(
      starts.map((start, index) => {
        const finish = finishRecord(start);
        if (index !== 4) return { finish, start: null };
        // NaN has no JSON: it reaches D1 as NULL, in a column that takes none.
        const attempts = finish.attempts.map((attempt) => ({ ...attempt, latencyMs: Number.NaN }));
        return { finish: { ...finish, attempts }, start: null };
      }),
    );
    expect(await stub.flush()).toBe(true);
    const written = await env.DB.prepare("SELECT count(*) AS n FROM calls WHERE session = 'poison'").first(
      "n",
    );
    expect(written).toBe(8);
    expect(await stub.stats()).toMatchObject({ rejectedCalls: 1, readyCalls: 0 });
  });

  it("drops the oldest content first, then the oldest calls, and counts both", async () => {
    const stub = ledger();
    await failD1(stub);
    await runInDurableObject(stub, (instance: Ledger) => {
      instance.limits = { maxCalls: 5, maxBodyBytes: 250 };
    });
    const now = Date.now();
    const starts = Array.from({ length: 8 }, (_, index) => startRecord({ startedAt: now + index }));
    for (const start of starts) {
      await stub.start(start);
      await stub.finish([{ finish: finishRecord(start, { bodies: [body("request", 100)] }), start: null }]);
    }
    expect(await stub.stats()).toMatchObject({
      readyCalls: 5,
      droppedCalls: 3,
      droppedBodies: 6,
      bodyBytes: 200,
    });
    const [oldest, newest] = [starts[0], starts[7]];
    expect(oldest && (await stub.read(oldest.id))).toBeNull();
    expect(newest && (await stub.read(newest.id))?.bodies).toHaveLength(1);
    await evictDurableObject(stub);
    expect(await stub.stats()).toMatchObject({ droppedCalls: 3, droppedBodies: 6 });
  });
});

describe("a call whose finish never comes", () => {
  it("is marked as lost by the object's alarm, after an eviction too", async () => {
    const stub = ledger();
    const start = startRecord({ startedAt: Date.now() - LOST_AFTER_MS - 1_000 });
    await stub.start(start);
    await evictDurableObject(stub);
    await untilWritten(stub);
    expect(await row(start.id)).toMatchObject({ outcome: "lost", status: null });
  });

  it("takes its true end when that arrives before D1 was told of the loss", async () => {
    const stub = ledger();
    await failD1(stub);
    const start = startRecord({ startedAt: Date.now() - LOST_AFTER_MS - 1_000 });
    await stub.start(start);
    await stub.flush();
    expect((await stub.read(start.id))?.row.outcome).toBe("lost");
    await stub.finish([{ finish: finishRecord(start), start: null }]);
    expect(await stub.read(start.id)).toMatchObject({ row: { outcome: "done" }, attempts: [{ seq: 1 }] });
    expect(await stub.stats()).toMatchObject({ readyCalls: 1, openCalls: 0 });
  });

  it("takes its true end when that arrives after all", async () => {
    const stub = ledger();
    const start = startRecord({ startedAt: Date.now() - LOST_AFTER_MS - 1_000 });
    await stub.start(start);
    await stub.flush();
    expect(await row(start.id)).toMatchObject({ outcome: "lost" });
    await stub.finish([{ finish: finishRecord(start, { outcome: "cancelled", status: 499 }), start: null }]);
    await stub.flush();
    expect(await row(start.id)).toMatchObject({ outcome: "cancelled", status: 499, input_tokens: 12 });
    const attempts = await env.DB.prepare("SELECT seq FROM attempts WHERE call_id = ?").bind(start.id).all();
    expect(attempts.results).toHaveLength(1);
  });
});

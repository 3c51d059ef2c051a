import { expect, it } from "vitest";
import { assertNoLoop, loopMark } from "./loop-mark.ts";

const secret = "a".repeat(32);
const from = (header?: string) => new Headers(header === undefined ? {} : { "cdn-loop": header });

it("a gateway knows its own call again, also behind another gateway", async () => {
  const mine = await loopMark({ client: from(), secret });
  expect(mine).toMatch(/^routelet;id=[0-9a-f]{8}$/);
  await expect(assertNoLoop({ client: from(mine), secret })).rejects.toMatchObject({
    status: 508,
    code: "loop_detected",
  });
  const behind = await loopMark({ client: from(mine), secret: "b".repeat(32) });
  expect(behind.startsWith(`${mine}, `)).toBe(true);
  await expect(assertNoLoop({ client: from(behind), secret })).rejects.toThrow();
  await expect(assertNoLoop({ client: from(mine.replace(";", " ; ")), secret })).rejects.toThrow();
});

it("calls of other gateways and networks come through, and a network's own mark goes no further", async () => {
  const theirs = await loopMark({ client: from(), secret: "b".repeat(32) });
  for (const header of [undefined, "cloudflare; loops=1", theirs])
    await expect(assertNoLoop({ client: from(header), secret })).resolves.toBeUndefined();
  expect(await loopMark({ client: from("cloudflare; loops=1"), secret })).not.toContain("cloudflare");
});

it("threat: the mark tells nothing of the secret", async () => {
  expect(await loopMark({ client: from(), secret })).not.toContain("aaaaaaaa");
});

import type { TestGateway } from "./gateway.ts";

/** One call with its attempts as operators see it, once it has ended: its record is written behind the response. */
export async function endedCall<Row extends { outcome: string }>(
  gateway: TestGateway,
  id: string,
): Promise<Row> {
  for (;;) {
    const row = (await gateway.admin(`/api/calls/${id}`)) as Row;
    if (row.outcome !== "running") return row;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

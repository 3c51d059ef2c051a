import { afterEach, describe, expect, it } from "vitest";
import { noteAnswer, noteSilence, withoutSilentNodes } from "./silent-nodes.ts";
import type { FleetSnapshot } from "./snapshot.ts";

const fleet = (lastSeenAt: number, ids = ["frozen", "other"]): FleetSnapshot => ({
  takenAt: 0,
  nodes: ids.map((id) => ({ id, name: id, projects: ["default"], connected: true, lastSeenAt, state: null })),
});
const left = (snapshot: FleetSnapshot, now: number) =>
  withoutSilentNodes(snapshot, now).nodes.map(({ id }) => id);

afterEach(() => noteAnswer("frozen"));

describe("a node that let a call's first-byte deadline run out", () => {
  it("is left out, and only it", () => {
    noteSilence({ nodeId: "frozen", now: 1_000 });
    expect(left(fleet(900), 2_000)).toEqual(["other"]);
  });

  it("is back as soon as it answers", () => {
    noteSilence({ nodeId: "frozen", now: 1_000 });
    noteAnswer("frozen");
    expect(left(fleet(900), 2_000)).toEqual(["frozen", "other"]);
  });

  it("is back with its next report, and stays", () => {
    noteSilence({ nodeId: "frozen", now: 1_000 });
    expect(left(fleet(1_001), 2_000)).toEqual(["frozen", "other"]);
    expect(left(fleet(900), 2_000)).toEqual(["frozen", "other"]);
  });

  it("is tried again when its heartbeat decides", () => {
    noteSilence({ nodeId: "frozen", now: 1_000 });
    expect(left(fleet(900), 30_999)).toEqual(["other"]);
    expect(left(fleet(900), 31_000)).toEqual(["frozen", "other"]);
  });

  it("does not make the memory grow without an end", () => {
    noteSilence({ nodeId: "frozen", now: 1_000 });
    const many = Array.from({ length: 256 }, (_, index) => `n${index}`);
    for (const nodeId of many) noteSilence({ nodeId, now: 1_000 });
    expect(left(fleet(900, ["frozen", "n255"]), 2_000)).toEqual(["frozen"]);
    for (const nodeId of many) noteAnswer(nodeId);
  });
});

import { expect, test } from "vitest";
import { NodeProblem } from "../../local-node/src/daemon/node-problem.ts";
import { explainStartError, StartError } from "./start-error.ts";

const where = { stateDir: "/state", port: 8787 };

test("a forbidden folder is explained, with the system's words once", () => {
  const thrown = Object.assign(new Error("EACCES: permission denied, open '/state/x'"), { code: "EACCES" });
  expect(explainStartError(thrown, where)).toEqual(
    new StartError(
      "The folder /state cannot be written (EACCES: permission denied, open '/state/x'). Set ROUTELET_STATE to one that can.",
    ),
  );
});

test("a code that the message lacks still counts", () => {
  const thrown = Object.assign(new Error("attempt to write"), { code: "EROFS" });
  expect(explainStartError(thrown, where)).toHaveProperty(
    "message",
    expect.stringContaining("EROFS attempt to write"),
  );
});

test("what the daemon's code explains is passed on as a line, a defect as it is", () => {
  expect(explainStartError(new NodeProblem("failed", "No room."), where)).toEqual(new StartError("No room."));
  const defect = new TypeError("x");
  expect(explainStartError(defect, where)).toBe(defect);
});

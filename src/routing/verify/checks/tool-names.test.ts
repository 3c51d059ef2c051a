import { expect, it } from "vitest";
import type { Asked } from "../answer.ts";
import { asked, calling } from "../fixtures/asked.ts";
import { checkToolNames } from "./tool-names.ts";

const any: Asked["toolChoice"] = { mode: "auto", names: null };

it.each([
  ["a tool that was offered", any, "get_weather", []],
  ["one that was not", any, "get_forecast", ["unknown_tool"]],
  ["the same in other letters", any, "Get_Weather", ["unknown_tool"]],
  ["a member of every object", any, "constructor", ["unknown_tool"]],
  ["one of those allowed", { mode: "auto", names: ["send_mail"] }, "send_mail", []],
  [
    "one that is offered and not allowed",
    { mode: "auto", names: ["send_mail"] },
    "get_weather",
    ["tool_not_allowed"],
  ],
  ["any where none is allowed", { mode: "none", names: null }, "get_weather", ["tool_not_allowed"]],
] as const)("%s", (_name, toolChoice, name, codes) => {
  const { findings } = checkToolNames(asked({ toolChoice }), calling(name, {}));
  expect(findings).toEqual(codes.map((code) => ({ code, path: "calls[0].name" })));
});

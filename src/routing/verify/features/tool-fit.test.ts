import { expect, it } from "vitest";
import { answer, asked, calling } from "../fixtures/asked.ts";
import { toolFit } from "./tool-fit.ts";

it("a tool fits by the words of its name, its description and its arguments", () => {
  const given = asked({ request: "Will the weather be fine in that city?" });
  expect(toolFit(given, calling("get_weather", {}))).toEqual({ called: 2 / 3, calledName: 1, best: 2 / 3 });
});

it("one that has nothing of the request does not", () => {
  const given = asked({ request: "Who painted the ceiling?" });
  expect(toolFit(given, calling("send_mail", {}))).toEqual({ called: 0, calledName: 0, best: 0 });
});

it("of several calls the worst counts; without calls there is only the best offer", () => {
  const given = asked({ request: "weather" });
  const both = answer({
    calls: [
      { name: "get_weather", arguments: "{}" },
      { name: "send_mail", arguments: "{}" },
    ],
  });
  expect(toolFit(given, both)).toMatchObject({ called: 0, best: 1 });
  expect(toolFit(given, answer())).toEqual({ called: null, calledName: null, best: 1 });
});

import { expect, test } from "vitest";
import { renderError } from "./error-body.ts";
import { invalidRequest, modelNotLoaded, queueFull } from "./node-errors.ts";

test.each([
  [modelNotLoaded("m"), "api_error"],
  [queueFull(2), "rate_limit_error"],
  [invalidRequest({ message: "x" }), "invalid_request_error"],
])("an error of the node has the type that the gateway gives its own: $code", (error, type) => {
  const { error: shown } = JSON.parse(new TextDecoder().decode(renderError(error).body)) as {
    error: { type: string };
  };
  expect(shown.type).toBe(type);
});

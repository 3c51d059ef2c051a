import { ADMIN_KEY, API_KEY, startTestGateway } from "../../test/harness/gateway.ts";
import type { Launch } from "./launch.ts";

/** Routelet itself, on a free port with a state of its own. */
export const startRoutelet: Launch = async (upstreams) => {
  const gateway = await startTestGateway({
    vars: {
      OPENAI_API_KEY: "upstream-key",
      OPENAI_BASE_URL: `http://127.0.0.1:${upstreams.openai.port}/v1`,
      ANTHROPIC_API_KEY: "upstream-key",
      ANTHROPIC_BASE_URL: `http://127.0.0.1:${upstreams.anthropic.port}`,
    },
  });
  return {
    name: "Routelet",
    target: { baseUrl: gateway.url, key: API_KEY },
    adminKey: ADMIN_KEY,
    close: () => gateway.close(),
  };
};

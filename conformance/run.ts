import { writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { scores, table } from "./report.ts";
import { judgeAll, SUITE } from "./suite.ts";
import { type Launched, launch, startUpstreams, TARGETS } from "./targets/launch.ts";

const HELP = `Scores a gateway over the wire's 25 traps.

  npm run conformance -- --launch ${Object.keys(TARGETS).join(" | ")}
  npm run conformance -- --base-url <url> --key <key> --openai-port <port> --anthropic-port <port>

With --base-url the gateway is yours: point its OpenAI provider at http://127.0.0.1:<openai-port>/v1 and its Anthropic
provider at http://127.0.0.1:<anthropic-port>. Models beginning with gpt- must go to the first, with claude- to the second.

  --only <trap>        one trap
  --admin-key <key>    Routelet's admin key: runs the cases that look into its record
  --json <file>        verdicts and scores
  --in-flight <n>      cases side by side (default 8)
`;

const { values } = parseArgs({
  options: {
    launch: { type: "string" },
    "base-url": { type: "string" },
    key: { type: "string", default: "" },
    "admin-key": { type: "string" },
    "openai-port": { type: "string", default: "9101" },
    "anthropic-port": { type: "string", default: "9102" },
    only: { type: "string" },
    json: { type: "string" },
    "in-flight": { type: "string", default: "8" },
    help: { type: "boolean" },
  },
});

async function target(): Promise<Launched> {
  if (values.launch !== undefined) return launch(values.launch);
  const servers = await startUpstreams({
    openai: Number(values["openai-port"]),
    anthropic: Number(values["anthropic-port"]),
  });
  const baseUrl = values["base-url"] ?? "";
  return {
    name: baseUrl,
    world: { target: { baseUrl, key: values.key }, adminKey: values["admin-key"] ?? null, servers },
    async close() {
      await Promise.all([servers.openai.close(), servers.anthropic.close()]);
    },
  };
}

async function main(): Promise<void> {
  if (values.help || (values.launch === undefined && values["base-url"] === undefined)) {
    process.stdout.write(HELP);
    process.exitCode = values.help ? 0 : 2;
    return;
  }
  const { name, world, close } = await target();
  try {
    const chosen = SUITE.filter(({ trap }) => values.only === undefined || trap === Number(values.only));
    const skipped = chosen.filter(({ routeletOnly }) => routeletOnly && world.adminKey === null);
    const verdicts = await judgeAll({
      suite: chosen.filter((instance) => !skipped.includes(instance)),
      world,
      inFlight: Number(values["in-flight"]),
      onVerdict: ({ instance, reason }) => {
        if (reason !== null) process.stdout.write(`trap ${instance.trap}: ${instance.title}: ${reason}\n`);
      },
    });
    process.stdout.write(`\n${table(name, verdicts, skipped)}`);
    if (values.json !== undefined) {
      const cases = verdicts.map(({ instance: { id, trap, title }, reason }) => ({
        id,
        trap,
        title,
        reason,
      }));
      await writeFile(
        values.json,
        JSON.stringify({ name, scores: scores(verdicts, skipped), cases }, null, 2),
      );
    }
    process.exitCode = verdicts.every(({ reason }) => reason === null) ? 0 : 1;
  } finally {
    await close();
  }
}

await main();

import { writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { judgeAll } from "./judge-all.ts";
import { scores, table } from "./report.ts";
import { SUITE } from "./suite.ts";
import { type Launched, startUpstreams, TARGETS, worldOf } from "./targets/launch.ts";

const HELP = `Scores a gateway over the wire's 25 traps.

  npm run conformance -- --launch ${Object.keys(TARGETS).join(" | ")}
  npm run conformance -- --base-url <url> --key <key> [--upstream-port <port>] [--anthropic-upstream-port <port>]

With --base-url the gateway is yours: point its OpenAI provider at http://127.0.0.1:<upstream-port>/v1 and its
Anthropic provider at http://127.0.0.1:<anthropic-upstream-port>. Models that begin with gpt- must go to the first, those
that begin with claude- to the second, under their own names.

  --upstream-port <port>            default 9101
  --anthropic-upstream-port <port>  default 9102
  --only <trap>                     one trap; 0 is what users expect beside them
  --strict                          every rule of a dialect counts in every case, not only the one it is about
  --admin-key <key>                 Routelet's admin key: runs the cases that need its settings or its record
  --json <file>                     verdicts and scores
  --in-flight <n>                   cases side by side (default 8)

Exit code: 0 when all cases passed, 1 when one failed, 2 for wrong arguments.
`;

const { values } = parseArgs({
  options: {
    launch: { type: "string" },
    "base-url": { type: "string" },
    key: { type: "string", default: "" },
    "admin-key": { type: "string" },
    "upstream-port": { type: "string", default: "9101" },
    "anthropic-upstream-port": { type: "string", default: "9102" },
    only: { type: "string" },
    strict: { type: "boolean", default: false },
    json: { type: "string" },
    "in-flight": { type: "string", default: "8" },
    help: { type: "boolean" },
  },
});

function given(baseUrl: string): Launched {
  return {
    name: baseUrl,
    target: { baseUrl, key: values.key },
    adminKey: values["admin-key"] ?? null,
    close: async () => undefined,
  };
}

async function main(): Promise<number> {
  const start = values.launch === undefined ? undefined : TARGETS[values.launch];
  const baseUrl = values["base-url"];
  if (values.help || (start === undefined && baseUrl === undefined)) {
    process.stdout.write(HELP);
    return values.help ? 0 : 2;
  }
  const upstreams = await startUpstreams(
    start === undefined
      ? { openai: Number(values["upstream-port"]), anthropic: Number(values["anthropic-upstream-port"]) }
      : { openai: 0, anthropic: 0 },
  );
  const launched = start === undefined ? given(baseUrl ?? "") : await start(upstreams);
  try {
    const world = worldOf({ launched, upstreams, strict: values.strict });
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
    process.stdout.write(`\n${table(launched.name, verdicts, skipped)}`);
    if (values.json !== undefined) {
      const cases = verdicts.map(({ instance: { id, trap, title }, reason }) => ({
        id,
        trap,
        title,
        reason,
      }));
      const notApplicable = skipped.map(({ id, trap, title }) => ({ id, trap, title }));
      const report = { name: launched.name, scores: scores(verdicts, skipped), cases, notApplicable };
      await writeFile(values.json, JSON.stringify(report, null, 2));
    }
    return verdicts.every(({ reason }) => reason === null) ? 0 : 1;
  } finally {
    await launched.close();
    await upstreams.close();
  }
}

process.exitCode = await main();

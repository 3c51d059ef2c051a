import { parseArgs } from "node:util";
import { cases } from "./cases.ts";
import { conversion } from "./conversion.ts";
import { engine } from "./engine.ts";
import { fit } from "./fit.ts";
import { guarantee } from "./guarantee.ts";
import { type Benchmark, loadBefore, report } from "./lib/report.ts";
import { loadCycles } from "./load-cycles.ts";
import { memory } from "./memory.ts";
import { overhead } from "./overhead.ts";
import { pii } from "./pii.ts";
import { routing } from "./routing.ts";
import { strictJson } from "./strict-json.ts";
import { tasks } from "./tasks.ts";
import { toolCalls } from "./tool-calls.ts";
import { tunnel } from "./tunnel.ts";
import { wire } from "./wire.ts";

// `npm run bench -- <name> [--data <folder>] [--calls <number>] [--json <file>]`; without a name, or with `--help`, it lists the
// benchmarks.

const BENCHMARKS: Record<string, Benchmark> = {
  overhead,
  tunnel,
  engine,
  memory,
  "load-cycles": loadCycles,
  fit,
  wire,
  tasks,
  "tool-calls": toolCalls,
  guarantee,
  routing,
  "strict-json": strictJson,
  pii,
  cases,
  conversion,
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    data: { type: "string" },
    calls: { type: "string" },
    json: { type: "string" },
    help: { type: "boolean", short: "h" },
  },
});
const name = values.help === true ? undefined : positionals[0];
const benchmark = name === undefined ? undefined : BENCHMARKS[name];
if (name === undefined || benchmark === undefined) {
  if (name !== undefined) process.stderr.write(`There is no benchmark ${name}. There are:\n`);
  for (const [known, { about }] of Object.entries(BENCHMARKS))
    process.stdout.write(`  ${known.padEnd(12)} ${about}\n`);
  process.exitCode = name === undefined ? 0 : 1;
} else {
  const load = loadBefore();
  const calls = values.calls === undefined ? undefined : Number(values.calls);
  if (calls !== undefined && !(Number.isInteger(calls) && calls > 0))
    throw new Error(`--calls is a number of calls, not ${values.calls}`);
  const measured = await benchmark.run({ data: values.data, calls });
  report({ name, measured, loadBefore: load, json: values.json });
}

import { type PacedEngineOptions, startPacedEngine } from "../../test/harness/paced-engine.ts";
import { serveParent } from "../lib/child.ts";

serveParent(async (options: PacedEngineOptions) => (await startPacedEngine(options)).url);

import { writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { compatibilityPage } from "./docs/compatibility.ts";
import { ROOT } from "./paths.ts";

// Writes docs/compatibility.md anew from the dialects' own code.
await writeFile(resolve(ROOT, "docs/compatibility.md"), compatibilityPage());

import { constants } from "node:fs";
import { access } from "node:fs/promises";
import { FolderError, makeFolder } from "../models/make-folder.ts";
import { NodeProblem } from "./node-problem.ts";

/**
 * Makes the folder where it is missing, and makes sure that it can be written.
 * @throws {NodeProblem} with one line that names what stands in the way
 */
export async function makeStateFolder(folder: string): Promise<void> {
  try {
    await makeFolder(folder);
  } catch (error) {
    if (error instanceof FolderError) throw unusable(folder, error.message, error);
    throw error;
  }
  try {
    await access(folder, constants.W_OK | constants.X_OK);
  } catch (error) {
    throw unusable(folder, `it cannot be written (${(error as NodeJS.ErrnoException).code})`, error);
  }
}

function unusable(folder: string, why: string, cause: unknown): NodeProblem {
  return new NodeProblem(
    "failed",
    `The folder ${folder} cannot hold the state: ${why}. Set ROUTELET_STATE to one that can.`,
    cause,
  );
}

/** Says in one line why a model cannot be loaded. */
export class LoadError extends Error {
  override name = "LoadError";
}

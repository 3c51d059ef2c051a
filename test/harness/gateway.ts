import { startGateway } from "../../scripts/gateway.ts";
import { makeTempFolder } from "./temp-folder.ts";

export const API_KEY = "api-key-for-tests";
export const ADMIN_KEY = "admin-key-for-tests";

export interface TestGateway {
  url: string;
  stateDir: string;
  /** The process that holds workerd. */
  readonly pid: number;
  /** Lines that the Worker and workerd wrote. */
  logs: readonly { level: string; message: string }[];
  /** `fetch` of a path, with the API key unless the headers carry another `authorization`. */
  fetch(path: string, init?: RequestInit): Promise<Response>;
  /** `POST /v1/chat/completions`. */
  chat(body: unknown, init?: RequestInit): Promise<Response>;
  /** `fetch` of an `/api` path with the admin key; throws unless the answer is 2xx. */
  admin(path: string, init?: RequestInit): Promise<unknown>;
  /** Stops the gateway and starts it again on the same state and port. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

/** The real gateway in workerd on a free port, with a state of its own. */
export async function startTestGateway(
  options: { vars?: Record<string, string>; stateDir?: string } = {},
): Promise<TestGateway> {
  const folder = options.stateDir === undefined ? await makeTempFolder() : undefined;
  const stateDir = options.stateDir ?? folder?.path ?? "";
  const logs: { level: string; message: string }[] = [];
  const start = (port: number) =>
    startGateway({
      stateDir,
      port,
      vars: {
        ROUTELET_SECRET: "secret-for-tests-secret-for-tests-0001",
        ROUTELET_API_KEY: API_KEY,
        ROUTELET_ADMIN_KEY: ADMIN_KEY,
        ...options.vars,
      },
      log: (line) => logs.push(line),
    });
  let running = await start(0);
  const { url } = running;

  const send = (path: string, key: string, init: RequestInit): Promise<Response> => {
    const headers = new Headers(init.headers);
    if (!headers.has("authorization")) headers.set("authorization", `Bearer ${key}`);
    return fetch(`${url}${path}`, { ...init, headers });
  };
  const json = (body: unknown, init: RequestInit): RequestInit => {
    const headers = new Headers(init.headers);
    headers.set("content-type", "application/json");
    return { ...init, method: "POST", headers, body: typeof body === "string" ? body : JSON.stringify(body) };
  };
  return {
    url,
    stateDir,
    get pid() {
      return running.pid;
    },
    logs,
    fetch: (path, init = {}) => send(path, API_KEY, init),
    chat: (body, init = {}) => send("/v1/chat/completions", API_KEY, json(body, init)),
    async admin(path, init = {}) {
      const response = await send(path, ADMIN_KEY, init);
      const text = await response.text();
      if (!response.ok) throw new Error(`${init.method ?? "GET"} ${path}: ${response.status} ${text}`);
      return text === "" ? undefined : JSON.parse(text);
    },
    async restart() {
      await running.dispose();
      running = await start(Number(new URL(url).port));
    },
    async close() {
      await running.dispose();
      await folder?.remove();
    },
  };
}

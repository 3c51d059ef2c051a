import { type Asking, ask } from "./ask.ts";
import { type Answered, type Dialect, type Sending, send, type Target, urlOf } from "./client.ts";
import type { Json, Violation } from "./said.ts";
import type { Script } from "./upstream/play.ts";
import { type Backend, healthy, type Saying, USAGE_EVENT } from "./upstream/replies.ts";
import type { Answer, Received, UpstreamServer } from "./upstream/server.ts";

/** What a case can do: set the upstream up, ask the gateway, and see what either got. */
export interface Scene {
  client: Dialect;
  backend: Backend;
  streamed: boolean;
  /** The model that leads to this case's upstream script. */
  model: string;
  target: Target;
  world: World;
  upstream(answer: Answer | Script): void;
  /** The upstream answers as a healthy one does. */
  healthy(saying: Saying): void;
  received(): readonly Received[];
  ask(more?: Partial<Asking>, sending?: Sending): Promise<Answered>;
  /** Sends a body as it is, to the client's endpoint. */
  sendBytes(body: Buffer, sending?: Sending): Promise<Answered>;
  /** The first broken rule that this case is about (in a strict world: any rule); null when all hold. */
  broken(answered: Answered): string | null;
  /** A whole success with this text, and no rule broken that this case is about. */
  well(answered: Answered, text: string): string | null;
  /** `GET` of the gateway's own API; only in cases that are Routelet's. */
  admin(path: string): Promise<unknown>;
}

/** One thing that a gateway must get right. */
export interface Case {
  /** 1 to 25 as in the list of traps; 0: what users expect beside them. */
  trap: number;
  title: string;
  clients?: readonly Dialect[];
  backends?: readonly Backend[];
  streamed?: readonly boolean[];
  /** Needs the operator's side of Routelet: not applicable to others, and then not counted. */
  routeletOnly?: boolean;
  /** Routelet's settings that it needs; such cases run apart from the others. */
  settings?: Json;
  /** Null when all is well; else what is wrong. */
  run(scene: Scene): Promise<string | null>;
}

/** A case in one combination of dialects. */
export interface Instance {
  id: string;
  trap: number;
  title: string;
  routeletOnly: boolean;
  /** Instances of one phase run side by side; phases in turn. */
  phase: Phase;
  run(world: World): Promise<string | null>;
}

/**
 * `native` comes first: a gateway may remember that a server lacks an endpoint. Settings of Routelet, as JSON, come
 * last, each set for itself.
 */
export type Phase = "native" | "" | `{${string}`;

export interface World {
  target: Target;
  adminKey: string | null;
  servers: Record<"openai" | "anthropic", UpstreamServer>;
  /** The port of a server that somebody else wrote, with healthy replies in both dialects. */
  healthyPort: number | null;
  /** Every rule of a dialect counts in every case, not only the one that the case is about. */
  strict: boolean;
}

const ALL_CLIENTS: readonly Dialect[] = ["chat", "responses", "messages"];
const ALL_BACKENDS: readonly Backend[] = ["openai", "anthropic"];

const ENDPOINTS: Record<Backend, string> = {
  openai: "/chat/completions",
  responses: "/responses",
  anthropic: "/messages",
};

function phaseOf({ settings }: Case, backend: Backend): Phase {
  if (settings !== undefined) return JSON.stringify(settings) as Phase;
  return backend === "responses" ? "native" : "";
}

/** Every combination of a case, each with a model of its own. */
export function instances(cases: readonly Case[]): Instance[] {
  return cases.flatMap((one) => {
    const number = cases.filter(({ trap }) => trap === one.trap).indexOf(one) + 1;
    return (one.clients ?? ALL_CLIENTS).flatMap((client) =>
      (one.backends ?? ALL_BACKENDS).flatMap((backend) =>
        (one.streamed ?? [false, true]).map((streamed): Instance => {
          const how = streamed ? "stream" : "whole";
          const id = `${String(one.trap).padStart(2, "0")}-${number}-${client}-${backend}-${how}`;
          return {
            id,
            trap: one.trap,
            title: `${one.title} (${client} client, ${backend} backend, ${how})`,
            routeletOnly: one.routeletOnly === true,
            phase: phaseOf(one, backend),
            run: (world) => one.run(sceneOf({ world, client, backend, streamed, id, trap: one.trap })),
          };
        }),
      ),
    );
  });
}

/** A usage chunk goes to those who ask for it, as with real servers; a script may have joined it with others. */
const asAsked = (script: Script, { body }: Received): Script =>
  (body.stream_options as Json | undefined)?.include_usage === true
    ? script
    : { ...script, steps: script.steps.filter((step) => step !== USAGE_EVENT) };

function sceneOf(options: {
  world: World;
  client: Dialect;
  backend: Backend;
  streamed: boolean;
  id: string;
  trap: number;
}): Scene {
  const { world, client, backend, streamed, id, trap } = options;
  const { target } = world;
  const model = `${backend === "anthropic" ? "claude" : "gpt"}-case-${id}`;
  const server = world.servers[backend === "anthropic" ? "anthropic" : "openai"];
  const upstream = (answer: Answer | Script): void => {
    const scripted: Answer = typeof answer === "function" ? answer : () => answer;
    server.on({
      model,
      endpoint: ENDPOINTS[backend],
      answer: (request, turn) => asAsked(scripted(request, turn), request),
    });
  };
  const broken = ({ said }: Answered): string | null => firstOf(said.violations, world.strict ? null : trap);
  return {
    client,
    backend,
    streamed,
    model,
    target,
    world,
    upstream,
    healthy: (saying) => upstream(healthy(backend, saying, streamed)),
    received: () => server.received(model),
    ask: (more, sending) =>
      send({ target, dialect: client, body: ask(client, { model, stream: streamed, ...more }), ...sending }),
    sendBytes: (body, sending) => send({ target, dialect: client, body, ...sending }),
    broken,
    well: (answered, text) =>
      (answered.status === 200
        ? null
        : `status ${answered.status}: ${answered.body.toString().slice(0, 160)}`) ??
      expects({
        error: [answered.said.error, null],
        text: [answered.said.text, text],
        terminated: [answered.said.terminated, true],
        cut: [answered.cut, false],
      }) ??
      broken(answered),
    async admin(path) {
      const response = await fetch(urlOf(target, path), {
        headers: { authorization: `Bearer ${world.adminKey}` },
      });
      return response.json();
    },
  };
}

function firstOf(violations: readonly Violation[], trap: number | null): string | null {
  const mine = violations.filter((one) => trap === null || one.trap === trap || one.trap === 1);
  return mine.length === 0 ? null : [...new Set(mine.map(({ what }) => what))].slice(0, 3).join("; ");
}

/** Compares, and says what differs. */
export function expects(pairs: Record<string, readonly [got: unknown, wanted: unknown]>): string | null {
  for (const [what, [got, wanted]] of Object.entries(pairs)) {
    const [a, b] = [JSON.stringify(got), JSON.stringify(wanted)];
    if (a !== b) return `${what}: ${a?.slice(0, 240)} instead of ${b?.slice(0, 240)}`;
  }
  return null;
}

/** An error with a status in the range, in the client's dialect; null when it is one. */
export function failsWell(
  scene: Scene,
  answered: Answered,
  status: { from: number; to: number },
): string | null {
  if (answered.status < status.from || answered.status > status.to) return `status ${answered.status}`;
  if (answered.said.error === null) return "no error object in the client's dialect";
  return scene.broken(answered);
}

import { type Asking, ask } from "./ask.ts";
import { type Answered, type Dialect, send, type Target } from "./client.ts";
import type { Backend } from "./upstream/replies.ts";
import type { Answer, Received, Script } from "./upstream/server.ts";

/** What a case can do: set the upstream up, ask the gateway, and see what either got. */
export interface Scene {
  client: Dialect;
  backend: Backend;
  streamed: boolean;
  /** The model that leads to this case's upstream script. */
  model: string;
  target: Target;
  upstream(answer: Answer | Script): void;
  received(): readonly Received[];
  ask(
    more?: Partial<Asking>,
    options?: { headers?: Record<string, string>; leaveAfterMs?: number; reset?: boolean },
  ): Promise<Answered>;
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
  /** Null when all is well; else what is wrong. */
  run(scene: Scene): Promise<string | null>;
}

/** A case in one combination of dialects. */
export interface Instance {
  id: string;
  trap: number;
  title: string;
  routeletOnly: boolean;
  run(world: World): Promise<string | null>;
}

export interface World {
  target: Target;
  adminKey: string | null;
  servers: Record<
    Backend,
    { on(model: string, answer: Answer): void; received(model: string): readonly Received[] }
  >;
}

const ALL_CLIENTS: readonly Dialect[] = ["chat", "responses", "messages"];
const ALL_BACKENDS: readonly Backend[] = ["openai", "anthropic"];

/** Every combination of a case, each with a model of its own. */
export function instances(cases: readonly Case[]): Instance[] {
  return cases.flatMap((one, number) =>
    (one.clients ?? ALL_CLIENTS).flatMap((client) =>
      (one.backends ?? ALL_BACKENDS).flatMap((backend) =>
        (one.streamed ?? [false, true]).map((streamed): Instance => {
          const how = streamed ? "stream" : "whole";
          const id = `${String(one.trap).padStart(2, "0")}-${number}-${client}-${backend}-${how}`;
          return {
            id,
            trap: one.trap,
            title: `${one.title} (${client} client, ${backend} backend, ${how})`,
            routeletOnly: one.routeletOnly === true,
            run: (world) => one.run(sceneOf({ world, client, backend, streamed, id })),
          };
        }),
      ),
    ),
  );
}

function sceneOf(options: {
  world: World;
  client: Dialect;
  backend: Backend;
  streamed: boolean;
  id: string;
}): Scene {
  const { world, client, backend, streamed, id } = options;
  const { target } = world;
  const model = `${backend === "openai" ? "gpt" : "claude"}-case-${id}`;
  const server = world.servers[backend];
  return {
    client,
    backend,
    streamed,
    model,
    target,
    upstream: (answer) => server.on(model, typeof answer === "function" ? answer : () => answer),
    received: () => server.received(model),
    ask: (more, sending) =>
      send({
        target,
        dialect: client,
        body: ask(client, { model, stream: streamed, ...more }),
        ...sending,
      }),
    async admin(path) {
      const response = await fetch(new URL(path, target.baseUrl), {
        headers: { authorization: `Bearer ${world.adminKey}` },
      });
      return response.json();
    },
  };
}

/** Compares, and says what differs. */
export function expects(pairs: Record<string, readonly [got: unknown, wanted: unknown]>): string | null {
  for (const [what, [got, wanted]] of Object.entries(pairs)) {
    const [a, b] = [JSON.stringify(got), JSON.stringify(wanted)];
    if (a !== b) return `${what}: ${a?.slice(0, 200)} instead of ${b?.slice(0, 200)}`;
  }
  return null;
}

/** A whole, rule-abiding success with this text. */
export function saysWell(answered: Answered, text: string): string | null {
  return expects({
    status: [answered.status, 200],
    error: [answered.said.error, null],
    violations: [answered.said.violations, []],
    text: [answered.said.text, text],
    terminated: [answered.said.terminated, true],
  });
}

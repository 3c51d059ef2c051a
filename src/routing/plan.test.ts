import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RouteletError } from "../errors.ts";
import type { FleetNode } from "../fleet/snapshot.ts";
import { type Capabilities, CHAT_ONLY } from "../tunnel/protocol/messages.ts";
import { type CloudModel, type Plan, type PlanInput, planAttempts } from "./plan.ts";
import type { Target } from "./target.ts";

function node(
  id: string,
  more: Partial<FleetNode> & {
    models?: string[];
    busy?: number;
    can?: Partial<Capabilities>;
    draining?: boolean;
    paused?: boolean;
  } = {},
): FleetNode {
  const { models = ["tiny"], busy = 0, can = {}, draining = false, paused, ...rest } = more;
  return {
    id,
    name: id,
    projects: ["default"],
    connected: true,
    lastSeenAt: 0,
    state: {
      version: "0.1.0",
      models: models.map((model) => ({
        id: model,
        adapterOf: /^(.+)\+/.exec(model)?.[1],
        engine: "embedded",
        loaded: true,
        fileSha256: null,
        quantisation: null,
        contextTokens: 2_048,
        capabilities: { ...CHAT_ONLY, ...can },
        tokensPerSecond: 50,
      })),
      slots: { total: 2, busy, queued: 0, queueLimit: 8 },
      hardware: { platform: "linux", cpu: "x", cores: 2, memoryBytes: 1, gpus: [] },
      draining,
      paused,
    },
    ...rest,
  };
}

const AUTO: Target = { kind: "auto", slmId: null, reference: null };
const SLM: Target = { kind: "slm", slmId: null, localOnly: false };
const LOCAL: Target = { kind: "slm", slmId: null, localOnly: true };

function plan(
  target: Target,
  nodes: FleetNode[],
  more: Partial<PlanInput> & { cloudKey?: boolean; cloudDialects?: CloudModel["dialects"] } = {},
) {
  const { cloudKey = true, cloudDialects = ["openai-chat"], ...rest } = more;
  return planAttempts({
    target,
    projectId: "default",
    needs: {},
    fleet: { takenAt: 0, nodes },
    inFlight: new Map(),
    defaultModel: "gpt-5-mini",
    resolveCloud: (name) => ({
      provider: "openai",
      model: name,
      configured: cloudKey,
      variable: "OPENAI_API_KEY",
      dialects: cloudDialects,
    }),
    dialect: "openai-chat",
    verify: false,
    conversation: null,
    modelsFor: (name) => [name],
    deadlines: { autoNodeFirstByteMs: 8_000, firstByteMs: 600_000 },
    random: () => 0.5,
    ...rest,
  });
}

const backends = (result: Plan | RouteletError) =>
  result instanceof RouteletError
    ? result.code
    : result.attempts.map((attempt) => (attempt.kind === "node" ? attempt.nodeId : attempt.model));

describe("planAttempts", () => {
  it("tries a name's models in order, without those whose provider has no key", () => {
    const more = {
      modelsFor: () => ["a", "b", "c"],
      resolveCloud: (name: string) => ({
        provider: "openai",
        model: name,
        configured: name !== "b",
        variable: "X",
        dialects: ["openai-chat"] as const,
      }),
    };
    expect(backends(plan({ kind: "llm", reference: "x" }, [], more))).toEqual(["a", "c"]);
    expect(backends(plan(AUTO, [node("n")], more))).toEqual(["n", "a", "c"]);
    expect(backends(plan({ kind: "llm", reference: "x" }, [], { ...more, modelsFor: () => ["b"] }))).toBe(
      "provider_not_configured",
    );
  });

  it("asks an adapter where it is named, and never for a call that leaves the model open", () => {
    const both = node("both", { models: ["tiny+tone", "tiny"] });
    const adapterAlone = node("adapter", { models: ["tiny+tone"] });
    const asked = (target: Target) => {
      const result = plan(target, [adapterAlone, both]);
      if (result instanceof RouteletError) return result.code;
      return result.attempts.map((attempt) =>
        attempt.kind === "node" ? `${attempt.nodeId} ${attempt.model}` : "cloud",
      );
    };
    expect(asked(SLM)).toEqual(["both tiny"]);
    expect(asked(AUTO)).toEqual(["both tiny", "cloud"]);
    expect(asked({ ...SLM, slmId: "tiny+tone" } as Target)).toEqual(
      expect.arrayContaining(["adapter tiny+tone", "both tiny+tone"]),
    );
    expect(backends(plan(LOCAL, [adapterAlone]))).toBe("no_local_node");
  });

  it("keeps a conversation on one node, whatever the load, as long as that has a free slot", () => {
    const nodes = ["a", "b", "c"].map((id) => node(id));
    const mine = (conversation: string, busy: string[] = []) =>
      backends(plan(SLM, nodes, { conversation, inFlight: new Map(busy.map((id) => [id, 99])) }))[0];
    const homes = new Set(Array.from({ length: 40 }, (_, at) => mine(`k${at}`)));
    expect(homes.size).toBe(3);
    const home = mine("k0") ?? "";
    expect(
      mine(
        "k0",
        nodes.map(({ id }) => id).filter((id) => id !== home),
      ),
    ).toBe(home);
    expect(mine("k0", [home])).not.toBe(home);
  });

  it.each([
    [
      "its own dialect where the provider speaks it",
      "anthropic-messages",
      ["openai-chat", "anthropic-messages"],
      "anthropic-messages",
    ],
    ["chat where it does not", "anthropic-messages", ["openai-responses", "openai-chat"], "openai-chat"],
    ["what there is", "openai-chat", ["anthropic-messages"], "anthropic-messages"],
  ] as const)("asks a provider in %s", (_name, dialect, cloudDialects, speaks) => {
    const result = plan({ kind: "llm", reference: "x" }, [], { dialect, cloudDialects });
    expect(result).toMatchObject({ attempts: [{ speaks }] });
  });

  it("tells a project's own provider from one of the environment, and hands the conversation on", () => {
    const resolveCloud = (name: string): CloudModel => ({
      provider: "own",
      model: name,
      configured: true,
      variable: "X",
      own: name === "theirs",
      dialects: ["openai-chat"],
    });
    const first = (reference: string, conversation: string | null) =>
      (plan({ kind: "llm", reference }, [], { resolveCloud, conversation }) as Plan).attempts[0];
    expect(first("theirs", "c")).toMatchObject({ project: "default", conversation: "c" });
    expect(first("ours", null)).not.toHaveProperty("project");
    expect(first("ours", null)).not.toHaveProperty("conversation");
  });

  it("sends a cloud name to the cloud, whatever nodes there are", () => {
    expect(backends(plan({ kind: "llm", reference: "gpt-x" }, [node("a")]))).toEqual(["gpt-x"]);
    expect(backends(plan({ kind: "llm", reference: null }, [node("a")]))).toEqual(["gpt-5-mini"]);
  });

  it("has a node's answer checked where the cloud could give another, and nowhere else", () => {
    const checks = (target: Target, more: Parameters<typeof plan>[2] = {}) => {
      const planned = plan(target, [node("a")], { verify: true, ...more });
      if (planned instanceof RouteletError) throw planned;
      return planned.attempts.map(({ kind, verified = false }) => [kind, verified]);
    };
    expect(checks(AUTO)).toEqual([
      ["node", true],
      ["cloud", false],
    ]);
    expect(checks(AUTO, { verify: false })[0]).toEqual(["node", false]);
    expect(checks(AUTO, { cloudKey: false })).toEqual([["node", false]]);
    expect(checks(SLM)).toEqual([["node", false]]);
    expect(checks(LOCAL)).toEqual([["node", false]]);
  });

  it("takes the node first and the cloud as fallback for auto, with the shorter deadline on the node", () => {
    const result = plan(AUTO, [node("a")]) as Plan;
    expect(result.attempts).toEqual([
      { kind: "node", nodeId: "a", model: "tiny", speaks: "openai-chat", firstByteMs: 8_000 },
      { kind: "cloud", provider: "openai", model: "gpt-5-mini", speaks: "openai-chat", firstByteMs: 600_000 },
    ]);
  });

  it("answers auto from the node alone, without the short deadline, when there is no cloud key", () => {
    const result = plan(AUTO, [node("a")], { cloudKey: false }) as Plan;
    expect(result.attempts).toEqual([
      { kind: "node", nodeId: "a", model: "tiny", speaks: "openai-chat", firstByteMs: 600_000 },
    ]);
  });

  it("says which variable to set when a cloud name has no provider key", () => {
    const error = plan({ kind: "llm", reference: "gpt-x" }, [node("a")], { cloudKey: false });
    expect(error).toMatchObject({
      code: "provider_not_configured",
      message: expect.stringContaining("OPENAI_API_KEY"),
    });
  });

  it.each<[string, Target, FleetNode[], string]>([
    ["no node at all", SLM, [], "no_node"],
    ["an absent node", SLM, [node("a", { connected: false })], "no_node"],
    ["a draining node", SLM, [node("a", { draining: true })], "no_node"],
    ["another project's node", SLM, [node("a", { projects: ["other"] })], "no_node"],
    ["an unknown model", { ...SLM, slmId: "nope" } as Target, [node("a")], "model_not_found"],
    ["local-only without a node", LOCAL, [], "no_local_node"],
    ["local-only with an unknown model", { ...LOCAL, slmId: "nope" } as Target, [node("a")], "no_local_node"],
  ])("explains %s", (_name, target, nodes, code) => {
    expect(backends(plan(target, nodes))).toBe(code);
  });

  it("says of nodes that are paused that their owner may need them, and to come back later", () => {
    const paused = node("a", { draining: true, paused: true });
    expect(plan(SLM, [paused])).toMatchObject({
      code: "no_node",
      message: expect.stringContaining("paused by its owner"),
      retryAfterSeconds: 60,
    });
    const draining = plan(SLM, [paused, node("b", { draining: true })]);
    expect(draining).toMatchObject({ message: expect.stringContaining("shutting down") });
    expect(backends(plan(SLM, [paused, node("b")]))).toEqual(["b"]);
  });

  it("fails closed with 503 for local-only, also when a cloud key is there", () => {
    expect(plan(LOCAL, [])).toMatchObject({ status: 503 });
  });

  it("goes straight to the cloud for auto when no node can honour what the call needs", () => {
    const result = plan(AUTO, [node("a")], { needs: { tools: true } }) as Plan;
    expect(backends(result)).toEqual(["gpt-5-mini"]);
    expect(result.reason).toBe("auto-cloud:incapable");
    expect(plan(SLM, [node("a")], { needs: { tools: true } })).toMatchObject({
      status: 400,
      message: expect.stringContaining("tools"),
    });
    expect(
      backends(plan(SLM, [node("a"), node("b", { can: { tools: true } })], { needs: { tools: true } })),
    ).toEqual(["b"]);
  });

  it("prefers the node with the least load, counting what this isolate has running", () => {
    expect(backends(plan(SLM, [node("a", { busy: 2 }), node("b")]))).toEqual(["b", "a"]);
    expect(backends(plan(SLM, [node("a"), node("b")], { inFlight: new Map([["a", 2]]) }))).toEqual([
      "b",
      "a",
    ]);
  });

  it("tries each node once and at most three", () => {
    const nodes = ["a", "b", "c", "d"].map((id) => node(id, { models: ["x", "y"] }));
    const tried = backends(plan(SLM, nodes));
    expect(new Set(tried).size).toBe(3);
  });

  it("never plans a cloud attempt for a call that is marked slm or local-only", () => {
    const anyNode = fc.record({
      id: fc.constantFrom("a", "b"),
      connected: fc.boolean(),
      draining: fc.boolean(),
      busy: fc.nat(4),
    });
    fc.assert(
      fc.property(
        fc.array(anyNode),
        fc.boolean(),
        fc.option(fc.constantFrom("tiny", "nope")),
        (nodes, localOnly, slmId) => {
          const result = plan(
            { kind: "slm", slmId, localOnly },
            nodes.map(({ id, ...more }) => node(id, more)),
          );
          if (!(result instanceof RouteletError))
            expect(result.attempts.every(({ kind }) => kind === "node")).toBe(true);
        },
      ),
    );
  });
});

describe("a refusal advises what helps", () => {
  const told = (target: Target, nodes: FleetNode[], more: Parameters<typeof plan>[2] = {}) => {
    const result = plan(target, nodes, more);
    if (!(result instanceof RouteletError)) throw new Error("the call was planned");
    return result;
  };
  const tools = { needs: { tools: true } };

  it("never `auto` to a call for `auto`: it says that no cloud provider is set", () => {
    for (const nodes of [[], [node("a")]]) {
      const { message } = told(AUTO, nodes, { ...tools, cloudKey: false });
      expect(message).not.toContain("`auto`");
      expect(message).toMatch(/set OPENAI_API_KEY for the gateway: no cloud provider is set/);
    }
  });

  it("never the cloud to a call that must stay local", () => {
    for (const [nodes, more] of [
      [[], {}],
      [[node("a")], tools],
      [[node("a")], { dialect: "openai-embeddings", needs: { embeddings: true } }],
    ] as const)
      for (const cloudKey of [true, false])
        expect(told(LOCAL, [...nodes], { ...more, cloudKey }).message).not.toMatch(/auto|cloud|API_KEY/);
  });

  it("`auto` to a call for `slm` only with what else it takes", () => {
    expect(told(SLM, []).message).toMatch(/, or use model `auto`/);
    expect(told(SLM, [], { cloudKey: false }).message).toMatch(/set OPENAI_API_KEY for the gateway and use/);
    expect(told(SLM, []).message).toContain("`npm run node -- run`");
  });

  it.each([
    ["tools", "tools"],
    ["multipleChoices", "n"],
    ["jsonSchema", "response_format"],
    ["logprobs", "logprobs"],
    ["images", "messages"],
  ])("naming the field of %s", (need, param) => {
    expect(told(SLM, [node("a")], { needs: { [need]: true } })).toMatchObject({
      param,
      message: expect.stringContaining(`\`${param}\``),
    });
  });

  it("calls for vectors are not sent in a circle", () => {
    const vectors = { dialect: "openai-embeddings", needs: { embeddings: true }, cloudKey: false } as const;
    expect(told(SLM, [node("a")], vectors).message).not.toContain("`auto`");
    expect(told(AUTO, [node("a")], vectors).message).toMatch(/set OPENAI_API_KEY for the gateway and name/);
    const named = told({ ...AUTO, reference: "text-embedding-3-small" }, [], vectors).message;
    expect(named).not.toContain("`slm`");
  });

  it("a cloud name that a node's model has gets that model's name", () => {
    const { message } = told({ kind: "llm", reference: "tiny" }, [node("a")], { cloudKey: false });
    expect(message).toContain("did you mean `slm/tiny`?");
  });
});

describe("calls for vectors", () => {
  const vectors = { dialect: "openai-embeddings", needs: { embeddings: true } } as const;
  const can = { embeddings: true, chat: false };

  it("go to nodes that have them, at that endpoint, and to no other model afterwards", () => {
    const result = plan(AUTO, [node("a", { can }), node("b")], vectors) as Plan;
    expect(result.attempts).toMatchObject([{ nodeId: "a", speaks: "openai-embeddings" }]);
    expect(result.attempts).toHaveLength(1);
  });

  it("always get the same of several models", () => {
    const nodes = [node("a", { can, models: ["z"] }), node("b", { can, models: ["y"], busy: 2 })];
    expect((plan(SLM, nodes, vectors) as Plan).attempts.map(({ model }) => model)).toEqual(["y"]);
  });

  it("that name a cloud model get that one, also where a node has another", () => {
    const target = { ...AUTO, reference: "text-embedding-3-small" };
    const result = plan(target, [node("a", { can })], { ...vectors, cloudDialects: ["openai-embeddings"] });
    expect(backends(result)).toEqual(["text-embedding-3-small"]);
  });

  it("are refused by name where no node has them", () => {
    expect(backends(plan(AUTO, [node("a")], vectors))).toBe("no_embedding_model");
    expect(backends(plan(SLM, [node("a")], vectors))).toBe("unsupported_parameter");
    expect(backends(plan(LOCAL, [node("a")], vectors))).toBe("no_local_node");
  });
});

it("chat is not asked of a model that only makes vectors", () => {
  expect(backends(plan(SLM, [node("a", { can: { embeddings: true, chat: false } })]))).toBe(
    "unsupported_parameter",
  );
});

it("completions go to nodes whose engine has them", () => {
  const more = { dialect: "openai-completions", needs: { completions: true } } as const;
  const result = plan(AUTO, [node("a"), node("b", { can: { completions: true } })], more) as Plan;
  expect(result.attempts).toMatchObject([{ nodeId: "b", speaks: "openai-completions" }, { kind: "cloud" }]);
});

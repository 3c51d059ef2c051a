import { env, runInDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import { verify } from "../security/ed25519.ts";
import { FRAME } from "./protocol/frames.ts";
import { decodeJsonPayload } from "./protocol/json-payload.ts";
import { CLOSE, welcomeSchema } from "./protocol/messages.ts";
import { welcomeTranscript } from "./protocol/transcripts.ts";
import {
  challengeRaw,
  connectRaw,
  enrolRaw,
  forgedSignature,
  HOST,
  joinRaw,
  newKeys,
  tunnelRequest,
  upgradeRaw,
} from "./testing/raw-node.ts";

const fleet = () => env.FLEET.getByName("fleet");

async function expectBare401(response: Response): Promise<void> {
  expect(response.status).toBe(401);
  expect(response.webSocket ?? null).toBeNull();
  expect(await response.text()).toBe("");
}

describe("threat: a join token in the wrong hands", () => {
  it("works once, also when it is spent twice at the same moment", async () => {
    const { token } = await fleet().createJoinToken({ projects: ["a", "b"] });
    const answers = await Promise.all([
      enrolRaw(env, token, await newKeys()),
      enrolRaw(env, token, await newKeys()),
    ]);
    expect(answers.map((answer) => answer.status).sort()).toEqual([200, 401]);
    await expectBare401(await enrolRaw(env, token, await newKeys()));
  });

  it("is worth nothing once it has expired", async () => {
    const { token, expiresAt } = await fleet().createJoinToken({ projects: ["default"], ttlMs: 0 });
    expect(expiresAt).toBeLessThanOrEqual(Date.now());
    await expectBare401(await enrolRaw(env, token, await newKeys()));
  });

  it("cannot be forged, and a refusal does not say why", async () => {
    await expectBare401(await enrolRaw(env, `rlj_${"A".repeat(43)}`, await newKeys()));
  });

  it("is nowhere in the fleet's storage in its own text", async () => {
    const { token } = await fleet().createJoinToken({ projects: ["default"] });
    await runInDurableObject(fleet(), (_, state) => {
      const rows = JSON.stringify(state.storage.sql.exec("SELECT * FROM join_tokens").toArray());
      expect(rows).not.toContain(token);
      expect(rows).not.toContain(token.slice(4));
    });
  });

  it("is given back when the node could not be set up", async () => {
    const { token } = await fleet().createJoinToken({ projects: ["default"] });
    const keys = await newKeys();
    const failed = await runInDurableObject(fleet(), async (instance) => {
      const real = Object.getOwnPropertyDescriptor(instance, "env");
      const broken = {
        ...env,
        NODE_TUNNEL: { getByName: () => ({ register: () => Promise.reject(new Error("away")) }) },
      };
      Object.defineProperty(instance, "env", { value: broken, configurable: true });
      try {
        return await instance
          .enrol({ token, publicKey: keys.publicKey, name: "n" })
          .catch((error) => String(error));
      } finally {
        if (real !== undefined) Object.defineProperty(instance, "env", real);
      }
    });
    expect(failed).toContain("away");
    expect((await enrolRaw(env, token, keys)).status).toBe(200);
  });
});

describe("enrolment requests", () => {
  it("that are malformed name the field, and a body over the limit is not read on", async () => {
    const post = (body: string) => tunnelRequest(env, "/tunnel/enrol", { method: "POST", body });
    const wrong = await post(JSON.stringify({ token: "t", publicKey: "short", name: "n" }));
    expect(wrong.status).toBe(400);
    expect(await wrong.json()).toMatchObject({ error: { code: "invalid_body", param: "publicKey" } });
    expect((await post("{")).status).toBe(400);
    expect((await post("x".repeat(9_000))).status).toBe(413);
    expect((await tunnelRequest(env, "/tunnel/enrol")).status).toBe(405);
    expect((await tunnelRequest(env, "/tunnel/else", { method: "POST" })).status).toBe(404);
    expect((await tunnelRequest(env, "/tunnel/challenge/no-node", { method: "POST" })).status).toBe(404);
  });
});

describe("threat: a stolen or replayed connect credential", () => {
  it("a nonce works once, even if the first attempt failed", async () => {
    const node = await joinRaw(env);
    const { nonce } = await challengeRaw(env, node.nodeId);
    await expectBare401(await upgradeRaw(env, node, { nonce }, forgedSignature()));
    await expectBare401(await upgradeRaw(env, node, { nonce }));
  });

  it("a recorded upgrade request cannot be played again", async () => {
    const node = await joinRaw(env);
    const { nonce, generation } = await challengeRaw(env, node.nodeId);
    const claim = { nonce, generation: generation + 1, nodeNonce: "n".repeat(32) };
    expect((await upgradeRaw(env, node, claim)).status).toBe(101);
    await expectBare401(await upgradeRaw(env, node, claim));
  });

  it("a nonce dies after 60 s", async () => {
    const node = await joinRaw(env);
    const { nonce } = await challengeRaw(env, node.nodeId);
    await runInDurableObject(env.NODE_TUNNEL.getByName(node.nodeId), (_, state) => {
      const [entry] = [...state.storage.kv.list<number>({ prefix: "nonce:" })];
      expect(entry?.[1]).toBeGreaterThan(Date.now() + 55_000);
      expect(entry?.[1]).toBeLessThanOrEqual(Date.now() + 60_000);
      state.storage.kv.put(`nonce:${nonce}`, Date.now() - 1);
    });
    await expectBare401(await upgradeRaw(env, node, { nonce }));
  });

  it("a signature made for another gateway's host is refused", async () => {
    const node = await joinRaw(env);
    await expectBare401(await upgradeRaw(env, node, { host: "evil.test" }));
  });

  it("a generation that is not the next one is refused", async () => {
    const node = await joinRaw(env);
    await expectBare401(await upgradeRaw(env, node, { generation: 2 }));
    await expectBare401(await upgradeRaw(env, node, { generation: 0 }));
  });

  it("another node's key opens nothing", async () => {
    const [victim, thief] = [await joinRaw(env), await joinRaw(env)];
    await expectBare401(await upgradeRaw(env, { ...victim, keys: thief.keys }));
  });

  it("an unknown node looks like a wrong signature and leaves nothing behind", async () => {
    const keys = await newKeys();
    const unknown = { nodeId: `node_${"A".repeat(22)}`, keys, gatewayKey: "" };
    const challenge = await challengeRaw(env, unknown.nodeId);
    expect(challenge.nonce).toHaveLength(32);
    await expectBare401(await upgradeRaw(env, unknown));
    await runInDurableObject(env.NODE_TUNNEL.getByName(unknown.nodeId), (_, state) => {
      expect([...state.storage.kv.list()]).toEqual([]);
    });
  });

  it("asking for nonces without end fills nothing", async () => {
    const node = await joinRaw(env);
    for (let count = 0; count < 40; count += 1) await challengeRaw(env, node.nodeId);
    await runInDurableObject(env.NODE_TUNNEL.getByName(node.nodeId), (_, state) => {
      expect([...state.storage.kv.list({ prefix: "nonce:" })]).toHaveLength(32);
    });
  });

  it("without an upgrade there is no connection", async () => {
    const node = await joinRaw(env);
    expect((await tunnelRequest(env, `/tunnel/connect/${node.nodeId}`)).status).toBe(426);
  });
});

describe("the welcome", () => {
  it("comes first and proves the key that the node pinned, over the node's own nonce", async () => {
    const node = await joinRaw(env);
    const nodeNonce = "own-nonce-of-the-node-0123456789";
    const response = await upgradeRaw(env, node, { nodeNonce });
    const socket = response.webSocket;
    if (socket === null) throw new Error("refused");
    socket.binaryType = "arraybuffer";
    const first = new Promise<ArrayBuffer>((resolve) => {
      socket.addEventListener("message", ({ data }) => data instanceof ArrayBuffer && resolve(data), {
        once: true,
      });
    });
    socket.accept();
    const bytes = new Uint8Array(await first);
    expect(bytes[0]).toBe(FRAME.welcome);
    const welcome = decodeJsonPayload(welcomeSchema, bytes.subarray(9));
    expect(welcome.gatewayKey).toBe(node.gatewayKey);
    const claim = { host: HOST, nodeId: node.nodeId, generation: 1, nodeNonce };
    const { signature } = welcome;
    const publicKey = node.gatewayKey;
    expect(await verify({ publicKey, signature, message: welcomeTranscript(claim, welcome) })).toBe(true);
    const replayed = welcomeTranscript({ ...claim, nodeNonce: "another-nonce-of-the-node-012345" }, welcome);
    expect(await verify({ publicKey, signature, message: replayed })).toBe(false);
    socket.close();
  });
});

describe("a newer connection", () => {
  it("takes over; the older socket is closed with a code of its own", async () => {
    const node = await joinRaw(env);
    const first = await connectRaw(env, node);
    const second = await connectRaw(env, node);
    expect((await first.closed).code).toBe(CLOSE.superseded);
    expect(second.socket.readyState).toBe(WebSocket.OPEN);
  });
});

describe("revoking", () => {
  it("closes the socket, takes the node out of the fleet, and refuses it before the next upgrade", async () => {
    const node = await joinRaw(env);
    const raw = await connectRaw(env, node);
    expect(await fleet().revokeNode(node.nodeId)).toBe(true);
    expect((await raw.closed).code).toBe(CLOSE.revoked);
    expect((await fleet().snapshot()).nodes.some((one) => one.id === node.nodeId)).toBe(false);
    await expectBare401(await upgradeRaw(env, node));
    expect(await fleet().revokeNode(node.nodeId)).toBe(false);
    expect(await fleet().revokeNode("node_unknown")).toBe(false);
  });
});

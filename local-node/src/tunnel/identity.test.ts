import { chmod, mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Identity, loadIdentity, newSeed, saveIdentity, signingKey } from "./identity.ts";

let folder: string;
let path: string;
const identity: Identity = {
  gatewayUrl: "https://gateway.example",
  nodeId: "node_x",
  name: "n",
  projects: ["default"],
  seed: newSeed(),
  gatewayKey: "A".repeat(43),
  generation: 3,
};

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "identity-"));
  path = join(folder, "state", "identity.json");
});

afterEach(() => rm(folder, { recursive: true, force: true }));

describe("the identity file", () => {
  it("comes back as it was saved, readable by its owner alone, with nothing left beside it", async () => {
    await saveIdentity(path, identity);
    await saveIdentity(path, { ...identity, generation: 4 });
    expect(await loadIdentity(path)).toEqual({ ...identity, generation: 4 });
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readdir(join(folder, "state"))).toEqual(["identity.json"]);
  });

  it("keeps its mode when an older file was open to others", async () => {
    await saveIdentity(path, identity);
    await chmod(path, 0o644);
    await saveIdentity(path, identity);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  it("that does not exist is no identity; one that is damaged is named, not overwritten", async () => {
    expect(await loadIdentity(path)).toBeNull();
    await saveIdentity(path, identity);
    for (const text of ["", "{", JSON.stringify({ ...identity, seed: "short" })]) {
      await writeFile(path, text);
      await expect(loadIdentity(path)).rejects.toThrow(path);
    }
  });
});

describe("a seed", () => {
  it("gives the same key each time, and another seed another key", async () => {
    const [first, again, other] = [
      await signingKey(identity.seed),
      await signingKey(identity.seed),
      await signingKey(newSeed()),
    ];
    expect(again.publicKey).toBe(first.publicKey);
    expect(other.publicKey).not.toBe(first.publicKey);
    await expect(signingKey("no seed")).rejects.toThrow();
  });
});

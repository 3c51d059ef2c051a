import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type ConnectClaim,
  connectTranscript,
  rotationTranscript,
  welcomeTranscript,
} from "./transcripts.ts";

const claims: fc.Arbitrary<ConnectClaim> = fc.record({
  nonce: fc.string(),
  host: fc.string(),
  nodeId: fc.string(),
  generation: fc.nat(),
  nodeNonce: fc.string(),
});
const said = { protocol: { min: 1, max: 1 }, gatewayKey: "key", maxStreams: 256 };

describe("transcripts", () => {
  it("differ whenever a field differs, also where fields could flow into each other", () => {
    fc.assert(
      fc.property(claims, claims, (a, b) => {
        const same = JSON.stringify(a) === JSON.stringify(b);
        expect(hex(connectTranscript(a)) === hex(connectTranscript(b))).toBe(same);
      }),
    );
    const shifted = { nonce: "ab", host: "c", nodeId: "n", generation: 1, nodeNonce: "x" };
    expect(hex(connectTranscript(shifted))).not.toBe(
      hex(connectTranscript({ ...shifted, nonce: "a", host: "bc" })),
    );
  });

  it("made for one purpose never serve another", () => {
    fc.assert(
      fc.property(claims, fc.string(), (claim, key) => {
        const all = [connectTranscript(claim), welcomeTranscript(claim, said), rotationTranscript(key)].map(
          hex,
        );
        expect(new Set(all).size).toBe(3);
      }),
    );
  });

  it("of the welcome cover the protocol range and the limits, so that nobody can downgrade them", () => {
    const claim = { host: "h", nodeId: "n", generation: 1, nodeNonce: "x" };
    const original = hex(welcomeTranscript(claim, said));
    for (const changed of [
      { ...said, maxStreams: 1 },
      { ...said, protocol: { min: 0, max: 1 } },
      { ...said, gatewayKey: "other" },
    ]) {
      expect(hex(welcomeTranscript(claim, changed))).not.toBe(original);
    }
  });
});

function hex(bytes: Uint8Array): string {
  return [...bytes].join(",");
}

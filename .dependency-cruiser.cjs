/** The direction of the house (CONTRIBUTING.md): who may import whom. `npm run check` fails on anything else. */
const TESTS = "\\.(test|workerd\\.test|test-support)\\.ts$";

module.exports = {
  forbidden: [
    {
      name: "no-circular",
      severity: "error",
      comment: "Two files that need each other are one file, or miss a third. Types alone may meet.",
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } },
    },
    {
      name: "routing-is-pure",
      severity: "error",
      comment:
        "Routing runs in the Worker, in the daemon and in a benchmark alike: plain data in, plain data out.",
      from: { path: "^src/routing/", pathNot: TESTS },
      to: {
        pathNot: [
          "^src/routing/",
          "^src/tunnel/protocol/",
          "^src/fleet/snapshot\\.ts$",
          "^src/errors\\.ts$",
          "^src/dialects/(call|json)\\.ts$",
        ],
      },
    },
    {
      name: "protocol-stands-alone",
      severity: "error",
      comment: "Both ends of the tunnel use it, so it may lean on neither.",
      from: { path: "^src/tunnel/protocol/", pathNot: TESTS },
      to: {
        path: "^(src|local-node)/",
        pathNot: ["^src/tunnel/protocol/", "^src/security/(base64url|ed25519)\\.ts$"],
      },
    },
    {
      name: "dialects-know-no-backend",
      severity: "error",
      from: { path: "^src/dialects/" },
      to: { path: "^src/(backends|tunnel/(?!protocol/)|ledger|telemetry|fleet|calls|admin|db)/" },
    },
    {
      name: "backends-know-no-dialect",
      severity: "error",
      comment: "A backend gets bytes and gives bytes; the shapes that both need are in `dialects/call.ts`.",
      from: { path: "^src/backends/" },
      to: { path: "^src/dialects/", pathNot: "^src/dialects/(call|sse-blocks|json-splice)\\.ts$" },
    },
    {
      name: "gateway-alone",
      severity: "error",
      comment: "What is deployed must not lean on the daemon, the scripts or the tests.",
      from: { path: "^src/" },
      to: { path: "^(local-node|scripts|test|bench|conformance)/" },
    },
    {
      name: "daemon-shares-the-protocol-only",
      severity: "error",
      from: { path: "^local-node/", pathNot: TESTS },
      to: {
        path: "^(src|scripts|test|bench|conformance)/",
        pathNot: ["^src/tunnel/protocol/", "^src/security/(base64url|ed25519)\\.ts$"],
      },
    },
    {
      name: "nobody-imports-the-entry",
      severity: "error",
      comment: "The Worker's entry wires the parts; who needs it needs a part.",
      from: { pathNot: [TESTS, "^test/"] },
      to: { path: "^src/worker\\.ts$", dependencyTypesNot: ["type-only"] },
    },
    {
      name: "no-test-support-in-the-product",
      severity: "error",
      from: { path: "^(src|local-node/src|scripts)/", pathNot: TESTS },
      to: { path: TESTS },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: { path: "(^|/)node_modules/" },
    tsPreCompilationDeps: "specify",
    tsConfig: { fileName: "tsconfig.base.json" },
  },
};

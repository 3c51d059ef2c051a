/** What `cloudflare:test` gives to tests in workerd: the bindings of `vitest.config.ts`. */
type RouteletEnv = import("./env.ts").Env;
declare namespace Cloudflare {
  interface Env extends RouteletEnv {
    TEST_MIGRATIONS: import("cloudflare:test").D1Migration[];
  }
}

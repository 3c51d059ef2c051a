/** What an engine's process inherits: it needs paths and driver variables, but no secret. */
export function childEnvironment(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(environment).filter(([name]) => !/key|token|secret|passw|credential/i.test(name)),
  );
}

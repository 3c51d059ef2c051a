/** The cloud providers that the environment switches on, as `src/backends/providers` decides it. Names only. */
export function cloudProviders(env: Record<string, string | undefined>): string[] {
  const names: string[] = [];
  if (env.OPENAI_API_KEY || env.OPENAI_BASE_URL) names.push("openai");
  if (env.ANTHROPIC_API_KEY) names.push("anthropic");
  return names;
}

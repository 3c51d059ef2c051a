const KEY = /\b(api.?key|access.?key|secret.?key|key|token|credentials?|authorization)\b/;
const WRONG =
  /\b(invalid|incorrect|wrong|bad|expired|revoked|missing|malformed|unknown|disabled|deactivated|suspended|blocked|leaked|not (valid|found|provided|recogni[sz]ed)|no|insufficient permissions|scopes?)\b/;
const UNAUTHENTICATED =
  /unauthenticated|not authenticated|authentication|unregistered callers|invalid_api_key|api_key_invalid|auth_error/;

/** Beyond this a body is a page, not a refusal's words. */
const MAX_READ = 4 * 1024;

/**
 * Whether a refusal is about the key that a call went out with. Providers answer a key that they do not know with 401; their
 * 403 is as often about the model, the region or what the prompt says, for which no key is at fault: only its words tell.
 */
export function isKeyRefusal(status: number, text: string): boolean {
  if (status === 401) return true;
  if (status !== 403) return false;
  const said = text.slice(0, MAX_READ).toLowerCase();
  return (
    UNAUTHENTICATED.test(said) || said.split(/[.;\n]/).some((words) => KEY.test(words) && WRONG.test(words))
  );
}

/** The same of an answer whose body somebody else is to read. */
export async function refusesKey(response: Response): Promise<boolean> {
  if (response.status !== 403) return response.status === 401;
  const reader = response.clone().body?.getReader();
  let text = "";
  const decoder = new TextDecoder();
  while (reader !== undefined && text.length < MAX_READ) {
    const { done, value } = await reader.read();
    if (done) break;
    text += decoder.decode(value, { stream: true });
  }
  reader?.cancel().catch(() => undefined);
  return isKeyRefusal(403, text);
}

/** Passes every request to `UPSTREAM` as it is. */
export default {
  fetch(request: Request, env: { UPSTREAM: string }): Promise<Response> {
    const { pathname } = new URL(request.url);
    return fetch(new Request(env.UPSTREAM + pathname, request));
  },
};

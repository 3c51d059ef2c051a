// Loaded before Portkey's gateway. With the web server that its package.json admits today it answers every stream
// with a 500 ("immutable": it appends to the headers of a fetched response), so fetch gives it a mutable copy.

const { fetch: original, Response: NativeResponse } = globalThis;

globalThis.fetch = async (...args: Parameters<typeof fetch>) => {
  const response = await original(...args);
  return new NativeResponse(response.body, response);
};

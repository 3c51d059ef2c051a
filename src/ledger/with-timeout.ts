/**
 * The promise's value.
 * @throws Error when it takes longer than `ms`; what it stands for goes on.
 */
export async function withTimeout<Value>(options: { promise: Promise<Value>; ms: number }): Promise<Value> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${options.ms} ms`)), options.ms);
  });
  try {
    return await Promise.race([options.promise, timeout]);
  } finally {
    if (timer !== undefined) clearTimeout(timer);
  }
}

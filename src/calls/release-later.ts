import type { Heartbeat } from "./heartbeat.ts";

/**
 * The body of a streamed reply whose backend is not decided yet when the first heartbeat is due (wire trap 3): beats
 * go out until there is a stream to release, then that stream. Where there will be none, the failure goes into the
 * stream in the client's dialect. That the client leaves meanwhile is told by the request's own signal.
 */
export function releaseLater(options: {
  body: Promise<ReadableStream<Uint8Array>>;
  heartbeat: Heartbeat;
  renderFailure: (thrown: unknown) => Uint8Array;
}): ReadableStream<Uint8Array> {
  const { body, heartbeat } = options;
  let inner: ReadableStreamDefaultReader<Uint8Array> | null = null;
  let first = true;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        if (first) {
          first = false;
          controller.enqueue(heartbeat.bytes);
          return;
        }
        try {
          if (inner === null) {
            if ((await heartbeat.orBeat(body)) === "beat") {
              controller.enqueue(heartbeat.bytes);
              return;
            }
            inner = (await body).getReader();
            heartbeat.stop();
          }
        } catch (thrown) {
          heartbeat.stop();
          controller.enqueue(options.renderFailure(thrown));
          controller.close();
          return;
        }
        const { done, value } = await inner.read();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      async cancel(reason) {
        heartbeat.stop();
        await inner?.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
}

/** One answer with many frames, read as it comes. */

import { Beat } from "./beat";
import { Cutter, type Arrival } from "./cut";
import { isAbort, request, RequestError } from "./fetching";

interface Receiver {
  arrived(arrival: Arrival): void;
  /** So many bytes of one frame came within so many milliseconds in which nothing but the network was waited for. */
  carried(bytes: number, ms: number): void;
}

/** Rejects with a `RequestError` when the answer is refused or breaks off, with the browser's AbortError when aborted. */
export async function receive(address: string, signal: AbortSignal, receiver: Receiver): Promise<void> {
  const answer = await request(address, signal, "*/*");
  const reader = answer.body?.getReader();
  if (!reader) throw new RequestError("the answer has no body", "refused");
  const cutter = new Cutter((arrival) => receiver.arrived(arrival));
  const beat = new Beat();
  try {
    await readAll(reader, cutter, beat, (bytes, ms) => receiver.carried(bytes, ms));
  } finally {
    beat.stop();
  }
  if (!cutter.isWhole) throw new RequestError("the stream broke off", "network");
}

/** Waits until all have ended; when one fails the others are aborted, and the first failure that is no abort is thrown. */
export async function allOrNone(tasks: Promise<void>[], control: AbortController): Promise<void> {
  const watched = tasks.map((task) => task.catch((error: unknown) => (control.abort(), Promise.reject(error))));
  const reasons = (await Promise.allSettled(watched)).flatMap((end) => (end.status === "rejected" ? [end.reason as unknown] : []));
  if (reasons.length) throw reasons.find((reason) => !isAbort(reason)) ?? reasons[0];
}

async function readAll(reader: ReadableStreamDefaultReader<Uint8Array>, cutter: Cutter, beat: Beat, carried: Receiver["carried"]): Promise<void> {
  for (let before = 0, busy = 0, isInside = false; ; ) {
    const { done, value } = await reader.read().catch((error: unknown) => {
      if (isAbort(error)) throw error;
      throw new RequestError(String(error), "network");
    });
    if (done) return;
    beat.tick();
    const now = performance.now();
    // The server may be slow with the beginning of a frame; for the rest of it only the network is. What came while this
    // thread drew the first picture says nothing about either.
    const ms = Math.max(0, now - before - (beat.busy - busy));
    const isOfOneFrame = isInside;
    [before, busy] = [now, beat.busy];
    cutter.push(value);
    isInside = cutter.isInside;
    if (isOfOneFrame) carried(value.length, ms);
  }
}

/** Workers that unpack frames, started when the first packed one arrives. */

import type { Done, Job } from "./decode.worker";

type Waiting = { settle: (done: Done) => void; fail: (error: Error) => void };

/** One core is left for drawing. */
const WORKERS = Math.max(1, Math.min(4, (globalThis.navigator?.hardwareConcurrency ?? 2) - 1));

/** The workers cannot run here at all, as against one frame that cannot be unpacked. */
export class NoWorkers extends Error {}

export class Unpacking {
  private workers: Worker[] = [];
  private readonly waiting = new Map<number, Waiting>();
  private jobs = 0;

  /** Start the workers, which fetch what they need: packed frames are on their way. */
  prepare(): void {
    if (!this.workers.length) this.start();
  }

  /** Samples of a packed frame, `bytes` each; a problem in words where it cannot be unpacked. Throws `NoWorkers`. */
  unpack(packed: ArrayBuffer, bytes: 1 | 2): Promise<Done> {
    this.prepare();
    const id = this.jobs++;
    const worker = this.workers[id % this.workers.length] as Worker;
    return new Promise((settle, fail) => {
      this.waiting.set(id, { settle, fail });
      worker.postMessage({ id, packed, bytes } satisfies Job, [packed]);
    });
  }

  /** Give the workers and their memory back. */
  stop(): void {
    for (const worker of this.workers) worker.terminate();
    this.workers = [];
    for (const { fail } of this.waiting.values()) fail(new NoWorkers("stopped"));
    this.waiting.clear();
  }

  private start(): void {
    this.workers = Array.from({ length: WORKERS }, () => {
      const worker = new Worker(new URL("./decode.worker.ts", import.meta.url), { type: "module" });
      worker.onmessage = ({ data }: MessageEvent<Done>) => {
        if (data.isBroken) {
          this.stop();
          return;
        }
        this.waiting.get(data.id)?.settle(data);
        this.waiting.delete(data.id);
      };
      worker.onerror = () => this.stop();
      return worker;
    });
  }
}

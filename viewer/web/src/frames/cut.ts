/**
 * Cuts a stream of bytes into frames as they arrive; the format is told in `viewer/series_stream.py`. Payload bytes are
 * copied once, from the network's buffer into the frame's own; typed arrays are views of that.
 */

import type { Values } from "./values";

export interface Arrival {
  position: number;
  code: number;
  payload: ArrayBuffer;
  /** Modality values in place of a payload, of a frame that was here before. */
  values?: Values;
  /** Why there is no frame. */
  problem?: string;
}

const HEAD = 24;
const KIND = { frame: 0, problem: 1, end: 2 };
const PAYLOAD_MAX = 1 << 30;

/** Takes chunks of any size; tells each whole record to `arrived`. Throws where the bytes make no sense. */
export class Cutter {
  private buffer = new Uint8Array(HEAD);
  private filled = 0;
  private gap = 0;
  private head: { position: number; code: number; kind: number } | null = null;
  /** Whether the end was told: without it, the answer broke off. */
  isWhole = false;

  constructor(private readonly arrived: (arrival: Arrival) => void) {}

  /** Whether the beginning of a record is here and its rest is not. */
  get isInside(): boolean {
    return this.head !== null || this.filled > 0;
  }

  push(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.gap) {
        const skipped = Math.min(this.gap, chunk.length - at);
        this.gap -= skipped;
        at += skipped;
        continue;
      }
      const taken = Math.min(this.buffer.length - this.filled, chunk.length - at);
      this.buffer.set(taken === chunk.length ? chunk : chunk.subarray(at, at + taken), this.filled);
      this.filled += taken;
      at += taken;
      if (this.filled === this.buffer.length) this.complete();
    }
  }

  private complete(): void {
    if (this.head) this.finish(this.buffer.buffer as ArrayBuffer);
    else this.readHead();
  }

  private readHead(): void {
    const view = new DataView(this.buffer.buffer);
    const head = { position: view.getUint32(0, true), code: view.getUint16(12, true), kind: view.getUint8(15) };
    const length = view.getUint32(16, true);
    if (head.kind > KIND.end || length > PAYLOAD_MAX) throw new Error("the stream of images is out of step");
    if (head.kind === KIND.end) this.isWhole = true;
    this.head = head;
    if (length) this.begin(length);
    else this.finish(new ArrayBuffer(0));
  }

  private finish(payload: ArrayBuffer): void {
    const head = this.head as { position: number; code: number; kind: number };
    this.head = null;
    this.begin(HEAD);
    this.gap = -payload.byteLength & 7;
    if (head.kind === KIND.problem) this.arrived({ ...head, payload, problem: new TextDecoder().decode(payload) });
    else if (head.kind === KIND.frame) this.arrived({ position: head.position, code: head.code, payload });
  }

  private begin(length: number): void {
    this.buffer = new Uint8Array(length);
    this.filled = 0;
  }
}

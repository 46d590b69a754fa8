/**
 * Cuts a stream of bytes into frames as they arrive; the format is told in `viewer/reading/pixels.py`. Payload bytes are
 * copied once, from the network's buffer into the frame's own; typed arrays are views of that.
 */

export type Samples = Uint8Array | Int8Array | Uint16Array | Int16Array | Float32Array;
export type SampleType = "uint8" | "int8" | "uint16" | "int16" | "float32" | "rgb8";

export interface FrameHeader {
  position: number;
  type: SampleType;
  rows: number;
  columns: number;
  slope: number;
  intercept: number;
}

export type Arrival =
  | { header: FrameHeader; samples: Samples; problem?: undefined }
  | { header: { position: number }; samples?: undefined; problem: string };

const LENGTHS = 8;
/** No header comes near this; more means that we are out of step. */
const HEADER_MAX = 1 << 20;
const PAYLOAD_MAX = 1 << 30;

const VIEWS: Record<SampleType, (buffer: ArrayBuffer) => Samples> = {
  uint8: (buffer) => new Uint8Array(buffer),
  int8: (buffer) => new Int8Array(buffer),
  uint16: (buffer) => new Uint16Array(buffer),
  int16: (buffer) => new Int16Array(buffer),
  float32: (buffer) => new Float32Array(buffer),
  rgb8: (buffer) => new Uint8Array(buffer),
};

/** Takes chunks of any size; tells each whole frame to `arrived`. Throws where the bytes make no sense. */
export class Cutter {
  private part: "lengths" | "header" | "payload" = "lengths";
  private buffer = new Uint8Array(LENGTHS);
  private filled = 0;
  private gap = 0;
  private payloadLength = 0;
  private header: (FrameHeader & { problem?: string }) | null = null;

  constructor(private readonly arrived: (arrival: Arrival) => void) {}

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
      this.buffer.set(chunk.subarray(at, at + taken), this.filled);
      this.filled += taken;
      at += taken;
      if (this.filled === this.buffer.length) this.complete();
    }
  }

  /** Whether the stream may end here: between two frames. */
  get isWhole(): boolean {
    return this.part === "lengths" && this.filled === 0;
  }

  private complete(): void {
    if (this.part === "lengths") this.readLengths();
    else if (this.part === "header") this.readHeader();
    else this.readPayload();
  }

  private readLengths(): void {
    const view = new DataView(this.buffer.buffer);
    const headerLength = view.getUint32(0, true);
    this.payloadLength = view.getUint32(4, true);
    if (headerLength < 2 || headerLength > HEADER_MAX || this.payloadLength > PAYLOAD_MAX) {
      throw new Error("the stream of images is out of step");
    }
    this.begin("header", headerLength);
  }

  private readHeader(): void {
    this.header = JSON.parse(new TextDecoder().decode(this.buffer)) as FrameHeader & { problem?: string };
    const headerLength = this.buffer.length;
    if (this.payloadLength) this.begin("payload", this.payloadLength);
    else this.finish(null);
    this.gap = -(LENGTHS + headerLength) & 7;
  }

  private readPayload(): void {
    const payload = this.buffer.buffer as ArrayBuffer;
    this.gap = -payload.byteLength & 7;
    this.finish(payload);
  }

  private finish(payload: ArrayBuffer | null): void {
    const header = this.header as FrameHeader & { problem?: string };
    this.begin("lengths", LENGTHS);
    if (payload && header.problem === undefined) this.arrived({ header, samples: VIEWS[header.type](payload) });
    else this.arrived({ header: { position: header.position }, problem: header.problem ?? "there is no image" });
  }

  private begin(part: "lengths" | "header" | "payload", length: number): void {
    this.part = part;
    this.buffer = new Uint8Array(length);
    this.filled = 0;
  }
}

/**
 * Which way frames travel, by what the network was seen to carry. Pure.
 *
 * As stored, nothing has to be computed: best where the network is faster than that. JPEG-LS without loss takes a third to
 * a fifth of the bytes, and some 5 ms of a worker here and as much of the server for each 512 x 512 image.
 */

export type Encoding = "raw" | "jpegls";

/** Below so many bytes a second, packing pays: 64 Mbit/s. */
export const SLOW = 8e6;
/** Above so many, it does not; the gap between the two keeps it from going to and fro. */
export const FAST = 16e6;
/** A page that came no faster than this, 26 Mbit/s, is taken for a slow network at once: a busy computer alone hardly does that. */
export const CRAWL = 3.2e6;
const MS_LEAST = 100;
const BYTES_LEAST = 64 << 10;
/**
 * So many times in a row a stream has to be slow, or fast: a server that was busy for a moment is no slow network, and
 * what had piled up while this browser was busy no fast one.
 */
const TIMES = 3;

export class Pace {
  encoding: Encoding = "raw";
  private bytes = 0;
  private ms = 0;
  private slow = 0;
  private fast = 0;
  private isAllowed = true;

  /** `seen` is what the network carried before the first stream, in bytes a second; null where nobody knows. */
  constructor(seen: number | null = null) {
    if (seen !== null && seen < CRAWL) this.encoding = "jpegls";
  }

  /** A stream begins: what came of the one before is no part of it, what was seen of the network still holds. */
  begin(): void {
    this.clear();
  }

  /** `bytes` came within `ms`; returns whether the stream should begin again in another encoding. */
  saw(bytes: number, ms: number): boolean {
    this.bytes += bytes;
    this.ms += ms;
    if (this.ms < MS_LEAST || this.bytes < BYTES_LEAST) return false;
    const rate = (this.bytes / this.ms) * 1000;
    this.clear();
    this.slow = rate < SLOW ? this.slow + 1 : 0;
    this.fast = rate > FAST ? this.fast + 1 : 0;
    const before = this.encoding;
    if (this.slow >= TIMES && this.isAllowed) this.encoding = "jpegls";
    else if (this.fast >= TIMES) this.encoding = "raw";
    return this.encoding !== before;
  }

  /** This browser cannot unpack. */
  forbid(): void {
    this.isAllowed = false;
    this.encoding = "raw";
  }

  private clear(): void {
    this.bytes = 0;
    this.ms = 0;
  }
}

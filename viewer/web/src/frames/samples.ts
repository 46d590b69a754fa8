/** Samples out of a decoder's memory. Pure. */

/**
 * A copy of `decoded` (samples of `from` bytes) with samples of `to` bytes; the decoder goes on using its own memory.
 * JPEG-LS knows no sign: bits above Bits Stored are made whole afterwards, as those of frames as stored are.
 */
export function samplesOf(decoded: Uint8Array, from: 1 | 2, to: 1 | 2): ArrayBuffer {
  if (from === to) return decoded.slice().buffer as ArrayBuffer;
  if (from === 2) throw new Error("the image has more bits than its header says");
  return Uint16Array.from(decoded).buffer as ArrayBuffer;
}

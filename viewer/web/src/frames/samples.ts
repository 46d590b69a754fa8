/** Samples out of a decoder's memory. Pure. */

/** A copy of `decoded` (samples of `from` bytes) with samples of `to` bytes; the decoder goes on using its own memory. */
export function samplesOf(decoded: Uint8Array, from: 1 | 2, to: 1 | 2, isSigned: boolean): ArrayBuffer {
  if (from === to) return decoded.slice().buffer as ArrayBuffer;
  if (from === 2) throw new Error("the image has more bits than its header says");
  const narrow = isSigned ? new Int8Array(decoded.buffer, decoded.byteOffset, decoded.length) : decoded;
  return Int16Array.from(narrow).buffer as ArrayBuffer;
}

/** From stored samples to modality values (HU, Bq/ml...), in place where the type holds them. Pure. */

import type { FrameHeader, Samples } from "./cut";

/** Types that the GPU takes. */
export type Values = Uint8Array | Uint16Array | Int16Array | Float32Array;

const RANGES: Record<string, [number, number]> = {
  uint8: [0, 0xff],
  int8: [-0x80, 0x7f],
  uint16: [0, 0xffff],
  int16: [-0x8000, 0x7fff],
};

/**
 * Modality values of `samples`. Whole slope and intercept stay whole numbers where 16 bits hold every value that the
 * type can have (`bits` stored), so that a CT costs two bytes a pixel; otherwise float32.
 */
export function modalityValues(header: FrameHeader, samples: Samples, bits: number): Values {
  const { slope, intercept, type } = header;
  if (type === "rgb8" || type === "float32") return samples as Values;
  if (slope === 1 && intercept === 0 && !(samples instanceof Int8Array)) return samples;
  const [low, high] = possible(type, bits);
  const ends = [low * slope + intercept, high * slope + intercept];
  const whole = Number.isInteger(slope) && Number.isInteger(intercept);
  if (!whole || Math.min(...ends) < -0x8000 || Math.max(...ends) > 0x7fff) return scaledTo(new Float32Array(samples.length), samples, slope, intercept);
  const sixteen = samples instanceof Int16Array || samples instanceof Uint16Array;
  const target = sixteen ? new Int16Array(samples.buffer, samples.byteOffset, samples.length) : new Int16Array(samples.length);
  return scaledTo(target, samples, slope, intercept);
}

function possible(type: string, bits: number): [number, number] {
  const [low, high] = RANGES[type] ?? [0, 0xffff];
  if (low < 0) return [Math.max(low, -(2 ** (bits - 1))), Math.min(high, 2 ** (bits - 1) - 1)];
  return [0, Math.min(high, 2 ** bits - 1)];
}

function scaledTo<T extends Int16Array | Float32Array>(target: T, samples: Samples, slope: number, intercept: number): T {
  const count = samples.length;
  if (slope === 1) for (let i = 0; i < count; i++) target[i] = (samples[i] as number) + intercept;
  else for (let i = 0; i < count; i++) target[i] = (samples[i] as number) * slope + intercept;
  return target;
}

/** The lowest and highest of `values`, those inside `padding` (modality values, both ends included) left out. */
export function extent(values: Values, padding: [number, number] | null): [number, number] {
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    if (padding && value >= padding[0] && value <= padding[1]) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return low <= high ? [low, high] : [0, 1];
}

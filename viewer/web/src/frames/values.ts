/** From the bytes of a frame to modality values (HU, Bq/ml...), in place where the type holds them. Pure. */

import { FLOAT32, RGB8 } from "./codes";
import type { Facts } from "./facts";

/** Types that the GPU takes. */
export type Values = Uint8Array | Uint16Array | Int16Array | Float32Array;
type Samples = Uint8Array | Int8Array | Uint16Array | Int16Array;

const VIEWS: Record<string, (buffer: ArrayBuffer) => Samples> = {
  uint8: (buffer) => new Uint8Array(buffer),
  int8: (buffer) => new Int8Array(buffer),
  uint16: (buffer) => new Uint16Array(buffer),
  int16: (buffer) => new Int16Array(buffer),
};

/**
 * Modality values of a payload; throws in words where it is not what the facts say. Whole slope and intercept stay whole
 * numbers where 16 bits hold every value that Bits Stored allows, so that a CT costs two bytes a pixel; otherwise float32.
 */
export function valuesOf(facts: Facts, code: number, payload: ArrayBuffer): Values {
  const samples = facts.rows * facts.columns * (code === RGB8 ? 3 : 1);
  if (code === RGB8) return checked(new Uint8Array(payload), samples);
  if (code === FLOAT32) return checked(new Float32Array(payload), samples);
  const view = VIEWS[facts.transport ?? ""];
  if (!view) throw new Error("this image has to be made ready by the server");
  return modalityValues(facts, whole(checked(view(payload), samples), facts.bits_stored));
}

function checked<T extends Values | Samples>(values: T, samples: number): T {
  // An odd number of bytes is padded to an even one (PS3.5 8.1.1).
  if (values.length === samples + 1 && values.BYTES_PER_ELEMENT === 1) return values.subarray(0, samples) as T;
  if (values.length !== samples) throw new Error(`${values.length} samples instead of ${samples}`);
  return values;
}

/** Clear what stands above Bits Stored, and extend the sign from there. */
function whole(samples: Samples, bits: number): Samples {
  const unused = samples.BYTES_PER_ELEMENT * 8 - bits;
  if (unused <= 0) return samples;
  const shift = 32 - bits;
  const count = samples.length;
  if (samples instanceof Int16Array || samples instanceof Int8Array) {
    for (let i = 0; i < count; i++) samples[i] = ((samples[i] as number) << shift) >> shift;
  } else for (let i = 0; i < count; i++) samples[i] = ((samples[i] as number) << shift) >>> shift;
  return samples;
}

function modalityValues(facts: Facts, samples: Samples): Values {
  const { slope, intercept } = facts.rescale;
  if (slope === 1 && intercept === 0 && !(samples instanceof Int8Array)) return samples;
  const isSigned = samples instanceof Int16Array || samples instanceof Int8Array;
  const low = isSigned ? -(2 ** (facts.bits_stored - 1)) : 0;
  const high = 2 ** (facts.bits_stored - (isSigned ? 1 : 0)) - 1;
  const isWhole = Number.isInteger(slope) && Number.isInteger(intercept);
  const fits = ([least, most]: [number, number]) =>
    Math.min(least * slope, most * slope) + intercept >= -0x8000 && Math.max(least * slope, most * slope) + intercept <= 0x7fff;
  // What all values could be is known at once; only where that does not fit are they looked at.
  if (!isWhole || !(fits([low, high]) || fits(extent(samples, null)))) return scaled(new Float32Array(samples.length), samples, slope, intercept);
  const inPlace = samples.BYTES_PER_ELEMENT === 2;
  const target = inPlace ? new Int16Array(samples.buffer, samples.byteOffset, samples.length) : new Int16Array(samples.length);
  return scaled(target, samples, slope, intercept);
}

function scaled<T extends Int16Array | Float32Array>(target: T, samples: Samples, slope: number, intercept: number): T {
  const count = samples.length;
  if (slope === 1) for (let i = 0; i < count; i++) target[i] = (samples[i] as number) + intercept;
  else for (let i = 0; i < count; i++) target[i] = (samples[i] as number) * slope + intercept;
  return target;
}

/** The lowest and highest of `values`, those inside `padding` (modality values, both ends included) left out. */
export function extent(values: Values | Samples, padding: [number, number] | null): [number, number] {
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    if (padding && value >= padding[0] && value <= padding[1]) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return low <= high ? [low, high] : [0, 1];
}

/** A volume as a block of bytes for the GPU: made smaller where it is large, even where its slices are not. Pure. */

import type { Values } from "../frames";
import type { Volume } from "../volume";

export interface Block {
  bytes: Uint8Array;
  /** Columns, rows, slices. */
  size: [number, number, number];
  /** Lengths of the sides in mm, in the same order. */
  mm: [number, number, number];
  range: [number, number];
}

/** The block of `volume`, no side longer than `most`; null while no frame is here. */
export function blockOf(volume: Volume, frameOf: (slice: number) => Values | null, most: number, given: [number, number] | null): Block | null {
  const frames = volume.slices.map((_, i) => frameOf(i));
  if (!frames.some((frame) => frame)) return null;
  const range = given ?? rangeOf(frames);
  const depth = (volume.slices.at(-1)?.along ?? 0) + volume.gapMm;
  const mm: [number, number, number] = [volume.columns * volume.columnMm, volume.rows * volume.rowMm, depth];
  const columns = Math.min(most, volume.columns);
  const rows = Math.min(most, volume.rows);
  const slices = Math.max(1, Math.min(most, Math.round(depth / Math.min(volume.gapMm, Math.max(mm[0] / columns, mm[1] / rows)))));
  const bytes = new Uint8Array(columns * rows * slices);
  const scale = 255 / (range[1] - range[0] || 1);
  let at = 0;
  let below = 0;
  for (let z = 0; z < slices; z++) {
    const height = ((z + 0.5) / slices) * depth - volume.gapMm / 2;
    while (below < volume.slices.length - 2 && (volume.slices[below + 1]?.along ?? 0) <= height) below += 1;
    const low = volume.slices[below]?.along ?? 0;
    const high = volume.slices[below + 1]?.along ?? low + 1;
    const t = Math.min(1, Math.max(0, (height - low) / (high - low)));
    const [one, other] = [frames[below], frames[below + 1] ?? frames[below]];
    const [from, until] = [placesOf(volume, below, columns, rows), placesOf(volume, Math.min(below + 1, frames.length - 1), columns, rows)];
    for (let y = 0; y < rows; y++) {
      const [line, next] = [from.down[y] as number, until.down[y] as number];
      for (let x = 0; x < columns; x++) {
        const [place, beyond] = [from.across[x] as number, until.across[x] as number];
        const isInside = one && other && line >= 0 && next >= 0 && place >= 0 && beyond >= 0;
        const value = isInside ? (one[line + place] as number) * (1 - t) + (other[next + beyond] as number) * t : range[0];
        const byte = (value - range[0]) * scale;
        bytes[at++] = byte < 0 ? 0 : byte > 255 ? 255 : byte;
      }
    }
  }
  return { bytes, size: [columns, rows, slices], mm, range };
}

/** Which columns and (as offsets) rows of a slice lie above those of the middle slice: a tilted gantry shifts each one. */
function placesOf(volume: Volume, slice: number, columns: number, rows: number): { across: Int32Array; down: Int32Array } {
  const own = volume.slices[slice];
  const middle = volume.slices[volume.slices.length >> 1];
  const place = (i: number, count: number, size: number, shift: number) => {
    const found = Math.floor(((i + 0.5) / count) * size - shift);
    return found >= 0 && found < size ? found : -1;
  };
  const across = (own?.shiftColumns ?? 0) - (middle?.shiftColumns ?? 0);
  const down = (own?.shiftRows ?? 0) - (middle?.shiftRows ?? 0);
  return {
    across: Int32Array.from({ length: columns }, (_, x) => place(x, columns, volume.columns, across)),
    down: Int32Array.from({ length: rows }, (_, y) => {
      const row = place(y, rows, volume.rows, down);
      return row < 0 ? -1 : row * volume.columns;
    }),
  };
}

function rangeOf(frames: (Values | null)[]): [number, number] {
  let low = Infinity;
  let high = -Infinity;
  for (const frame of frames) {
    for (let i = 0; frame && i < frame.length; i += 7) {
      const value = frame[i] as number;
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  return low < high ? [low, high] : [0, 1];
}

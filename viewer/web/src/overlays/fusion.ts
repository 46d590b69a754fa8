/** Values of one series on the plane of another: coarse as the former is, for the screen to smooth. Pure. */

import type { SeriesFrames } from "../frames";
import { planeOf, toPatient, type Plane } from "../sync";
import { reslice, THIN, type Volume } from "../volume";
import type { Facts } from "../frames";

export interface Laid {
  values: Float32Array;
  rows: number;
  columns: number;
  /** Pixels of the picture below for one of these, across and down. */
  across: number;
  down: number;
}

/** The values of `volume` where the image of `facts` lies; null where that has no place. */
export function laidOver(facts: Facts, volume: Volume, source: SeriesFrames, factor: number): Laid | null {
  const plane = planeOf(facts);
  if (!plane) return null;
  const step = Math.max(Math.min(volume.columnMm, volume.rowMm) / 2, plane.columnMm);
  const columns = Math.max(1, Math.ceil((plane.columns * plane.columnMm) / step));
  const rows = Math.max(1, Math.ceil((plane.rows * plane.rowMm) / step));
  const across = step / plane.columnMm;
  const down = step / plane.rowMm;
  const coarse: Plane = { ...plane, origin: toPatient(plane, across / 2, down / 2), columnMm: step, rowMm: step, rows, columns };
  const values = new Float32Array(rows * columns);
  reslice(volume, coarse, THIN, (slice) => source.picture(volume.slices[slice]?.position ?? -1)?.values ?? null, values, 0);
  if (factor !== 1) for (let i = 0; i < values.length; i++) values[i] = (values[i] as number) * factor;
  return { values, rows, columns, across, down };
}

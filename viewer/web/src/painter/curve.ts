/** From a window or table to what the shader takes: the values at both ends, and a curve between them where it bends. Pure. */

import { curveOf, type Voi } from "../windowing";

export interface Curve {
  limits: [number, number];
  /** Display values, 0 to 1, at even steps from one limit to the other; null for a straight line. */
  values: Float32Array | null;
}

const STEPS = 2048;

export function shaderCurve(voi: Voi): Curve {
  const points = curveOf(voi);
  const first = points[0] ?? [0, 0];
  const last = points.at(-1) ?? [255, 1];
  const limits: [number, number] = [first[0], last[0] > first[0] ? last[0] : first[0] + 1];
  if (points.length <= 2 && first[1] === 0 && last[1] === 1) return { limits, values: null };
  return { limits, values: evenly(points, limits) };
}

function evenly(points: [number, number][], [low, high]: [number, number]): Float32Array {
  const values = new Float32Array(STEPS);
  let i = 0;
  for (let step = 0; step < STEPS; step++) {
    const value = low + ((high - low) * step) / (STEPS - 1);
    while (i + 2 < points.length && (points[i + 1] as [number, number])[0] <= value) i += 1;
    const [x0, y0] = points[i] as [number, number];
    const [x1, y1] = points[Math.min(i + 1, points.length - 1)] as [number, number];
    const share = x1 > x0 ? Math.min(1, Math.max(0, (value - x0) / (x1 - x0))) : 0;
    values[step] = y0 + (y1 - y0) * share;
  }
  return values;
}

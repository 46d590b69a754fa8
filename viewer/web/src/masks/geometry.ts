/** What covers a picture: shutters and padding. Pure. */

import type { Facts, Shutter, Values } from "../frames";

type Ring = [number, number][];

const CIRCLE_POINTS = 180;

/**
 * The open shapes of a shutter as rings of (column, row) from the outer corner of the first pixel; what lies in all of
 * them stays visible (PS3.3 C.7.6.11.1). Rows and columns of the object count from 1, in the middle of a pixel.
 */
export function openRings(shutter: Shutter): Ring[] {
  const rings: Ring[] = [];
  if (shutter.rectangle) {
    const { left, right, top, bottom } = shutter.rectangle;
    rings.push([[left - 1, top - 1], [right, top - 1], [right, bottom], [left - 1, bottom]]);
  }
  if (shutter.circle) {
    const { row, column, radius } = shutter.circle;
    const points = Array.from({ length: CIRCLE_POINTS }, (_, i) => (2 * Math.PI * i) / CIRCLE_POINTS);
    rings.push(points.map((angle) => [column - 0.5 + radius * Math.cos(angle), row - 0.5 + radius * Math.sin(angle)]));
  }
  if (shutter.polygon) rings.push(shutter.polygon.map(([row, column]) => [column - 0.5, row - 0.5]));
  return rings;
}

/** Alpha, 0 or 255, by pixel: where values are padding, which is black whatever the window; null where none is. */
export function paddingAlpha(values: Values, padding: [number, number]): Uint8ClampedArray<ArrayBuffer> | null {
  const alpha = new Uint8ClampedArray(values.length);
  let found = false;
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    if (value >= padding[0] && value <= padding[1]) {
      alpha[i] = 255;
      found = true;
    }
  }
  return found ? alpha : null;
}

/** Whether padding has to be painted: where the window would show it as anything but black. */
export function showsPadding(facts: Facts, inverse: boolean, black: number | null, padding: [number, number] | null): boolean {
  if (!padding || facts.is_colour) return false;
  return inverse || black === null || padding[1] > black;
}

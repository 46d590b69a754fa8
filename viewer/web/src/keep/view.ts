/** From a cell's placement to the part of the picture that a kept view names, and back. Pure. */

import { fitScale, matrixOf, squareSize, toPicture, ZOOM_MAX, ZOOM_MIN, type Placement, type Pose, type Size } from "../placement";

/** [left, top, right, bottom] in the stored picture. */
export type Area = [number, number, number, number];

interface Shape {
  rows: number;
  columns: number;
  aspect: number;
}

/** The part of the picture that is in sight; null where all of it is. */
export function areaOf(placement: Placement, { rows, columns, aspect }: Shape, box: Size): Area | null {
  const matrix = matrixOf(placement, rows, columns, aspect, box);
  const corners = [toPicture(matrix, { x: 0, y: 0 }), toPicture(matrix, { x: box.width, y: box.height })];
  const [xs, ys] = [corners.map(({ x }) => x), corners.map(({ y }) => y)];
  const left = Math.max(0, Math.min(...xs));
  const top = Math.max(0, Math.min(...ys));
  const right = Math.min(columns, Math.max(...xs));
  const bottom = Math.min(rows, Math.max(...ys));
  const isAll = left <= 0.5 && top <= 0.5 && right >= columns - 0.5 && bottom >= rows - 0.5;
  return isAll || right - left < 1 || bottom - top < 1 ? null : [left, top, right, bottom];
}

/** The placement that shows `area` as large as it fits. */
export function placementFor(area: Area | null, pose: Pose, { rows, columns, aspect }: Shape, box: Size): Placement {
  const whole: Placement = { pose, zoom: 1, pan: { x: 0, y: 0 } };
  if (!area || !box.width || !box.height) return whole;
  const [left, top, right, bottom] = area;
  const fit = fitScale(squareSize(rows, columns, aspect), box, pose);
  const wanted = fitScale(squareSize(bottom - top, right - left, aspect), box, pose);
  const zoom = Math.min(ZOOM_MAX, Math.max(ZOOM_MIN, wanted / fit));
  const matrix = matrixOf({ ...whole, zoom }, rows, columns, aspect, box);
  const middle = { x: (left + right) / 2, y: (top + bottom) / 2 };
  const x = matrix.a * middle.x + matrix.b * middle.y + matrix.e;
  const y = matrix.c * middle.x + matrix.d * middle.y + matrix.f;
  return { pose, zoom, pan: { x: box.width / 2 - x, y: box.height / 2 - y } };
}

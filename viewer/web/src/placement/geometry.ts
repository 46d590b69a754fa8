/**
 * Where a picture lies on the screen. Pure; lengths in CSS pixels unless said otherwise.
 *
 * A pose is one of the eight ways to lay a picture down: flipped left to right first, then turned clockwise by `rotate`
 * degrees, as in `viewer/rendering/view.py`.
 */

export type Turn = 0 | 90 | 180 | 270;
export interface Pose {
  rotate: Turn;
  flip: boolean;
}
export interface Point {
  x: number;
  y: number;
}
export interface Size {
  width: number;
  height: number;
}
export interface Letters {
  left: string;
  right: string;
  top: string;
  bottom: string;
}
/** zoom 1 shows the whole picture; pan is from the middle of the box. */
export interface Placement {
  pose: Pose;
  zoom: number;
  pan: Point;
}
/** Maps (column, row), from the outer corner of the first pixel, to the box: x = a*c + b*r + e, y = c*c + d*r + f. */
export interface Matrix {
  a: number;
  b: number;
  c: number;
  d: number;
  e: number;
  f: number;
}

export const UPRIGHT: Pose = { rotate: 0, flip: false };
export const WHOLE: Placement = { pose: UPRIGHT, zoom: 1, pan: { x: 0, y: 0 } };
export const ZOOM_MIN = 0.2;
export const ZOOM_MAX = 40;
/** A corner of the picture that stays in sight. */
const IN_SIGHT = 40;

export function turned(pose: Pose, degrees: number): Pose {
  return { rotate: ((((pose.rotate + degrees) % 360) + 360) % 360) as Turn, flip: pose.flip };
}

/** The pose after mirroring what is on the screen left to right. */
export function flippedAcross(pose: Pose): Pose {
  return { rotate: ((360 - pose.rotate) % 360) as Turn, flip: !pose.flip };
}

/** The pose after mirroring what is on the screen top to bottom. */
export function flippedDown(pose: Pose): Pose {
  return turned(flippedAcross(pose), 180);
}

/** Letters at the edges of the screen, from those of the picture as stored. */
export function lettersUnder(letters: Letters, pose: Pose): Letters {
  let { left, right, top, bottom } = letters;
  if (pose.flip) [left, right] = [right, left];
  for (let i = 0; i < pose.rotate / 90; i++) [left, right, top, bottom] = [bottom, top, left, right];
  return { left, right, top, bottom };
}

/** Size of the picture in pixels that are square: a pixel `aspect` times as high as wide is stretched. */
export function squareSize(rows: number, columns: number, aspect: number): Size {
  return { width: columns, height: rows * aspect };
}

/** Box pixels by (square) picture pixel with the whole picture in the box. */
export function fitScale(picture: Size, box: Size, pose: Pose): number {
  const sideways = pose.rotate % 180 === 90;
  const width = sideways ? picture.height : picture.width;
  const height = sideways ? picture.width : picture.height;
  return Math.min(box.width / width, box.height / height);
}

/** The matrix from stored (column, row) to the box. */
export function matrixOf(placement: Placement, rows: number, columns: number, aspect: number, box: Size): Matrix {
  const picture = squareSize(rows, columns, aspect);
  const scale = fitScale(picture, box, placement.pose) * placement.zoom;
  const { rotate, flip } = placement.pose;
  // Directions on the screen of one step along a row and down a column, after flipping and turning clockwise.
  const across = TURNED[rotate](flip ? -1 : 1, 0);
  const down = TURNED[rotate](0, 1);
  const a = across.x * scale;
  const c = across.y * scale;
  const b = down.x * scale * aspect;
  const d = down.y * scale * aspect;
  const middle = { x: box.width / 2 + placement.pan.x, y: box.height / 2 + placement.pan.y };
  return { a, b, c, d, e: middle.x - (a * columns + b * rows) / 2, f: middle.y - (c * columns + d * rows) / 2 };
}

const TURNED: Record<Turn, (x: number, y: number) => Point> = {
  0: (x, y) => ({ x, y }),
  90: (x, y) => ({ x: -y, y: x }),
  180: (x, y) => ({ x: -x, y: -y }),
  270: (x, y) => ({ x: y, y: -x }),
};

export function toBox(matrix: Matrix, column: number, row: number): Point {
  return { x: matrix.a * column + matrix.b * row + matrix.e, y: matrix.c * column + matrix.d * row + matrix.f };
}

/** The point of the stored picture at a point of the box: x is the column, y the row. */
export function toPicture(matrix: Matrix, point: Point): Point {
  const determinant = matrix.a * matrix.d - matrix.b * matrix.c;
  const x = point.x - matrix.e;
  const y = point.y - matrix.f;
  return { x: (matrix.d * x - matrix.b * y) / determinant, y: (matrix.a * y - matrix.c * x) / determinant };
}

/** Zoom by `factor` so that the picture stays under `pointer`. */
export function zoomedAt(placement: Placement, factor: number, pointer: Point, box: Size): Placement {
  const zoom = Math.min(Math.max(placement.zoom * factor, ZOOM_MIN), ZOOM_MAX);
  const real = zoom / placement.zoom;
  const from = { x: pointer.x - box.width / 2, y: pointer.y - box.height / 2 };
  const pan = { x: from.x - (from.x - placement.pan.x) * real, y: from.y - (from.y - placement.pan.y) * real };
  return { pose: placement.pose, zoom, pan };
}

/** Where the picture lies in a lens that stands with its middle over `at` of the box and enlarges by `factor`. */
export function magnified(placement: Placement, factor: number, at: Point, picture: Size, box: Size, lens: Size): Placement {
  const { pose, zoom, pan } = placement;
  return {
    pose,
    zoom: (zoom * factor * fitScale(picture, box, pose)) / fitScale(picture, lens, pose),
    pan: { x: (box.width / 2 + pan.x - at.x) * factor, y: (box.height / 2 + pan.y - at.y) * factor },
  };
}

/** Keep at least a corner of the picture in the box, so that it cannot be lost. */
export function keptInSight(placement: Placement, picture: Size, box: Size): Placement {
  const scale = fitScale(picture, box, placement.pose) * placement.zoom;
  const sideways = placement.pose.rotate % 180 === 90;
  const most = {
    x: Math.max(0, ((sideways ? picture.height : picture.width) * scale + box.width) / 2 - IN_SIGHT),
    y: Math.max(0, ((sideways ? picture.width : picture.height) * scale + box.height) / 2 - IN_SIGHT),
  };
  const pan = {
    x: Math.min(Math.max(placement.pan.x, -most.x), most.x),
    y: Math.min(Math.max(placement.pan.y, -most.y), most.y),
  };
  return { ...placement, pan };
}

const BAR_LENGTHS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000];

/** The longest round number of mm whose bar fits; null where the scale is unknown. */
export function scaleBar(mmPerPixel: number | null, most: number): { mm: number; pixels: number } | null {
  if (mmPerPixel === null || !(mmPerPixel > 0) || !Number.isFinite(mmPerPixel)) return null;
  const mm = BAR_LENGTHS.filter((length) => length / mmPerPixel <= most).at(-1);
  return mm === undefined ? null : { mm, pixels: mm / mmPerPixel };
}

/** Millimetres of one box pixel, alike in all directions as pixels are shown in their true shape; null when unknown. */
export function mmPerBoxPixel(columnMm: number | null, matrix: Matrix): number | null {
  if (!columnMm) return null;
  return columnMm / Math.hypot(matrix.a, matrix.c);
}

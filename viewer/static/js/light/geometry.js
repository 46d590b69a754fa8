// @ts-check
/**
 * Where the picture lies on the screen. Pure functions; lengths in CSS pixels unless said otherwise.
 *
 * A pose is one of the eight ways to lay a picture down: flipped left to right first, then turned clockwise by `rotate`
 * degrees, as in `viewer/rendering/view.py`. A picture has square pixels; the server has made them so.
 */

/**
 * @typedef {{ rotate: 0 | 90 | 180 | 270, flip: boolean }} Pose
 * @typedef {{ width: number, height: number }} Size
 * @typedef {{ x: number, y: number }} Point
 * @typedef {{ left: string, right: string, top: string, bottom: string }} Letters
 * @typedef {[number, number, number, number, number, number]} Matrix as in `CanvasRenderingContext2D.setTransform`
 * @typedef {{ pose: Pose, zoom: number, pan: Point }} Placement zoom 1 shows the whole picture; pan is from the middle
 */

/** @type {Pose} */
export const UPRIGHT = Object.freeze({ rotate: 0, flip: false });

export const ZOOM_MIN = 0.2;
export const ZOOM_MAX = 30;

/** @returns {Placement} */
export function wholePicture() {
  return { pose: UPRIGHT, zoom: 1, pan: { x: 0, y: 0 } };
}

/**
 * Turn what is on the screen clockwise.
 * @param {Pose} pose
 * @param {number} degrees a multiple of 90
 * @returns {Pose}
 */
export function rotated(pose, degrees) {
  return { rotate: quarter(pose.rotate + degrees), flip: pose.flip };
}

/**
 * Mirror what is on the screen left to right.
 * @param {Pose} pose
 * @returns {Pose}
 */
export function flippedAcross(pose) {
  return { rotate: quarter(-pose.rotate), flip: !pose.flip };
}

/**
 * Mirror what is on the screen top to bottom.
 * @param {Pose} pose
 * @returns {Pose}
 */
export function flippedDown(pose) {
  return rotated(flippedAcross(pose), 180);
}

/**
 * @param {number} degrees
 * @returns {0 | 90 | 180 | 270}
 */
function quarter(degrees) {
  return /** @type {0 | 90 | 180 | 270} */ (((degrees % 360) + 360) % 360);
}

/**
 * Return the letters at the edges of the screen, from those of the picture as stored.
 * @param {Letters} letters
 * @param {Pose} pose
 * @returns {Letters}
 */
export function lettersUnder(letters, pose) {
  let { left, right, top, bottom } = letters;
  if (pose.flip) [left, right] = [right, left];
  for (let turned = 0; turned < pose.rotate; turned += 90) [left, right, top, bottom] = [bottom, top, left, right];
  return { left, right, top, bottom };
}

/**
 * Return the size of a stored picture once its pixels are square.
 * @param {number} rows
 * @param {number} columns
 * @param {number} aspect height of a pixel over its width
 * @returns {Size}
 */
export function squareSize(rows, columns, aspect) {
  return aspect > 1 ? { width: columns, height: rows * aspect } : { width: columns / aspect, height: rows };
}

/**
 * Return how many screen pixels a picture pixel is when the whole picture just fits.
 * @param {Size} picture
 * @param {Size} box
 * @param {Pose} pose
 */
export function fitScale(picture, box, pose) {
  const sideways = pose.rotate % 180 === 90;
  const width = sideways ? picture.height : picture.width;
  const height = sideways ? picture.width : picture.height;
  return Math.min(box.width / width, box.height / height);
}

/**
 * Return the matrix from picture pixels to screen pixels.
 * @param {Size} picture
 * @param {Size} box
 * @param {Placement} placement
 * @returns {Matrix}
 */
export function matrix(picture, box, placement) {
  const scale = fitScale(picture, box, placement.pose) * placement.zoom;
  const [cos, sin] = TURNS[placement.pose.rotate];
  const across = placement.pose.flip ? -scale : scale;
  const a = across * cos;
  const b = across * sin;
  const c = -scale * sin;
  const d = scale * cos;
  const e = box.width / 2 + placement.pan.x - (a * picture.width) / 2 - (c * picture.height) / 2;
  const f = box.height / 2 + placement.pan.y - (b * picture.width) / 2 - (d * picture.height) / 2;
  return [a, b, c, d, e, f];
}

/** Cosine and sine of the four turns, exact. */
const TURNS = Object.freeze({ 0: [1, 0], 90: [0, 1], 180: [-1, 0], 270: [0, -1] });

/**
 * Return where a screen point lies in the picture.
 * @param {Matrix} m
 * @param {Point} point
 * @returns {Point}
 */
export function pictureTo([a, b, c, d, e, f], { x, y }) {
  const determinant = a * d - b * c;
  return {
    x: (d * (x - e) - c * (y - f)) / determinant,
    y: (a * (y - f) - b * (x - e)) / determinant,
  };
}

/**
 * Return the row and column (from 0) of the stored pixel under a picture point, null outside.
 * @param {Point} point in square picture pixels
 * @param {Size} picture
 * @param {number} rows
 * @param {number} columns
 * @returns {{ row: number, column: number } | null}
 */
export function storedPixel(point, picture, rows, columns) {
  const column = Math.floor((point.x / picture.width) * columns);
  const row = Math.floor((point.y / picture.height) * rows);
  return row >= 0 && row < rows && column >= 0 && column < columns ? { row, column } : null;
}

/**
 * Zoom by `factor` so that the picture stays under the pointer.
 * @param {Placement} placement
 * @param {number} factor
 * @param {Point} pointer in the box
 * @param {Size} box
 * @returns {Placement}
 */
export function zoomedAt(placement, factor, pointer, box) {
  const zoom = Math.min(Math.max(placement.zoom * factor, ZOOM_MIN), ZOOM_MAX);
  const real = zoom / placement.zoom;
  const from = { x: pointer.x - box.width / 2, y: pointer.y - box.height / 2 };
  const pan = {
    x: from.x - (from.x - placement.pan.x) * real,
    y: from.y - (from.y - placement.pan.y) * real,
  };
  return { pose: placement.pose, zoom, pan };
}

/**
 * Keep at least a corner of the picture in the box, so that it cannot be lost.
 * @param {Placement} placement
 * @param {Size} picture
 * @param {Size} box
 * @returns {Placement}
 */
export function keptInSight(placement, picture, box) {
  const scale = fitScale(picture, box, placement.pose) * placement.zoom;
  const sideways = placement.pose.rotate % 180 === 90;
  const width = (sideways ? picture.height : picture.width) * scale;
  const height = (sideways ? picture.width : picture.height) * scale;
  const most = { x: (width + box.width) / 2 - 40, y: (height + box.height) / 2 - 40 };
  const pan = {
    x: Math.min(Math.max(placement.pan.x, -most.x), most.x),
    y: Math.min(Math.max(placement.pan.y, -most.y), most.y),
  };
  return { ...placement, pan };
}

const BAR_LENGTHS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000];

/**
 * Choose the length of the scale bar: the longest round number of mm that fits.
 * @param {number} mmPerPixel of the screen, along the bar
 * @param {number} most longest bar in screen pixels
 * @returns {{ mm: number, pixels: number } | null}
 */
export function scaleBar(mmPerPixel, most) {
  if (!(mmPerPixel > 0) || !Number.isFinite(mmPerPixel)) return null;
  const fitting = BAR_LENGTHS.filter((mm) => mm / mmPerPixel <= most);
  const mm = fitting.at(-1);
  return mm === undefined ? null : { mm, pixels: mm / mmPerPixel };
}

/**
 * Return mm of one screen pixel, the same in all directions as the picture has square pixels; null when unknown.
 * @param {{ row_mm: number | null, column_mm: number | null }} spacing of stored pixels
 * @param {number} columns stored
 * @param {Size} picture
 * @param {number} scale screen pixels by picture pixel
 */
export function mmPerScreenPixel(spacing, columns, picture, scale) {
  if (!spacing.row_mm || !spacing.column_mm) return null;
  return (spacing.column_mm * columns) / picture.width / scale;
}

import assert from "node:assert/strict";
import { test } from "node:test";

import * as geometry from "../../../viewer/static/js/light/geometry.js";

const box = { width: 800, height: 600 };
const picture = { width: 100, height: 200 };
const close = (a, b) => assert.ok(Math.abs(a - b) < 1e-9, `${a} is not ${b}`);

/** Where a picture point lands on the screen. */
function land([a, b, c, d, e, f], { x, y }) {
  return { x: a * x + c * y + e, y: b * x + d * y + f };
}

const poses = [0, 90, 180, 270].flatMap((rotate) => [false, true].map((flip) => ({ rotate, flip })));

test("the whole picture fits and is in the middle, in every pose", () => {
  for (const pose of poses) {
    const m = geometry.matrix(picture, box, { pose, zoom: 1, pan: { x: 0, y: 0 } });
    const corners = [[0, 0], [100, 0], [0, 200], [100, 200]].map(([x, y]) => land(m, { x, y }));
    const xs = corners.map((p) => p.x);
    const ys = corners.map((p) => p.y);
    close(Math.min(...xs) + Math.max(...xs), box.width);
    close(Math.min(...ys) + Math.max(...ys), box.height);
    const touches = Math.abs(Math.max(...xs) - box.width) < 1e-9 || Math.abs(Math.max(...ys) - box.height) < 1e-9;
    assert.ok(touches && Math.max(...xs) <= box.width + 1e-9 && Math.max(...ys) <= box.height + 1e-9);
  }
});

test("letters stay at the side of what they name, in every pose", () => {
  const letters = { left: "R", right: "L", top: "A", bottom: "P" };
  const edges = { left: { x: 0, y: 100 }, right: { x: 100, y: 100 }, top: { x: 50, y: 0 }, bottom: { x: 50, y: 200 } };
  for (const pose of poses) {
    const m = geometry.matrix(picture, box, { pose, zoom: 1.7, pan: { x: 3, y: -5 } });
    const middle = land(m, { x: 50, y: 100 });
    const under = geometry.lettersUnder(letters, pose);
    for (const [edge, point] of Object.entries(edges)) {
      const at = land(m, point);
      const side =
        Math.abs(at.x - middle.x) > Math.abs(at.y - middle.y)
          ? at.x > middle.x ? "right" : "left"
          : at.y > middle.y ? "bottom" : "top";
      assert.equal(under[side], letters[edge], JSON.stringify({ pose, edge }));
    }
  }
});

test("turning and flipping act on what is seen", () => {
  const letters = { left: "R", right: "L", top: "A", bottom: "P" };
  for (const pose of poses) {
    const seen = geometry.lettersUnder(letters, pose);
    const turned = geometry.lettersUnder(letters, geometry.rotated(pose, 90));
    assert.deepEqual(turned, { left: seen.bottom, top: seen.left, right: seen.top, bottom: seen.right });
    const across = geometry.lettersUnder(letters, geometry.flippedAcross(pose));
    assert.deepEqual(across, { ...seen, left: seen.right, right: seen.left });
    const down = geometry.lettersUnder(letters, geometry.flippedDown(pose));
    assert.deepEqual(down, { ...seen, top: seen.bottom, bottom: seen.top });
  }
  assert.deepEqual(geometry.rotated(geometry.UPRIGHT, -90), { rotate: 270, flip: false });
});

test("the picture point under a screen point is found again", () => {
  for (const pose of poses) {
    const m = geometry.matrix(picture, box, { pose, zoom: 2.5, pan: { x: 11, y: 7 } });
    const back = geometry.pictureTo(m, land(m, { x: 12.5, y: 177 }));
    close(back.x, 12.5);
    close(back.y, 177);
  }
});

test("zooming keeps what is under the pointer", () => {
  const pointer = { x: 200, y: 450 };
  for (const pose of poses) {
    const before = { pose, zoom: 1.5, pan: { x: 20, y: -10 } };
    const after = geometry.zoomedAt(before, 2, pointer, box);
    const was = geometry.pictureTo(geometry.matrix(picture, box, before), pointer);
    const is = geometry.pictureTo(geometry.matrix(picture, box, after), pointer);
    close(was.x, is.x);
    close(was.y, is.y);
  }
  assert.equal(geometry.zoomedAt(geometry.wholePicture(), 1e9, pointer, box).zoom, geometry.ZOOM_MAX);
});

test("the picture cannot be pushed out of sight", () => {
  const placed = geometry.keptInSight({ pose: geometry.UPRIGHT, zoom: 1, pan: { x: 1e6, y: -1e6 } }, picture, box);
  const m = geometry.matrix(picture, box, placed);
  assert.ok(land(m, { x: 0, y: 0 }).x < box.width && land(m, { x: 0, y: 200 }).y > 0);
});

test("a stored pixel is found in pictures made square", () => {
  assert.deepEqual(geometry.squareSize(100, 50, 2), { width: 50, height: 200 });
  assert.deepEqual(geometry.squareSize(100, 50, 0.5), { width: 100, height: 100 });
  const size = geometry.squareSize(100, 50, 2);
  assert.deepEqual(geometry.storedPixel({ x: 49.9, y: 199.9 }, size, 100, 50), { row: 99, column: 49 });
  assert.deepEqual(geometry.storedPixel({ x: 0, y: 3.9 }, size, 100, 50), { row: 1, column: 0 });
  assert.equal(geometry.storedPixel({ x: 50, y: 0 }, size, 100, 50), null);
  assert.equal(geometry.storedPixel({ x: -0.1, y: 0 }, size, 100, 50), null);
});

test("the scale bar is the longest round length that fits, and is missing without a scale", () => {
  assert.deepEqual(geometry.scaleBar(0.5, 240), { mm: 100, pixels: 200 });
  assert.deepEqual(geometry.scaleBar(0.01, 240), { mm: 2, pixels: 200 });
  for (const none of [0, NaN, Infinity, null]) assert.equal(geometry.scaleBar(none, 240), null);
  const size = geometry.squareSize(100, 50, 2);
  const spacing = { row_mm: 2, column_mm: 1, status: "patient" };
  close(geometry.mmPerScreenPixel(spacing, 50, size, 4), 0.25);
  close(geometry.mmPerScreenPixel({ row_mm: 1, column_mm: 2 }, 50, geometry.squareSize(100, 50, 0.5), 4), 0.25);
  assert.equal(geometry.mmPerScreenPixel({ row_mm: null, column_mm: null }, 50, size, 4), null);
});

import assert from "node:assert/strict";
import { test } from "node:test";

import { Cine, limitedRate } from "../../../viewer/static/js/light/cine.js";

/** Play with the clock's ticks at these times; return at which times how many images were moved on. */
function played(rate, ticks, isThere = () => true) {
  const cine = new Cine();
  const moves = [];
  let now = 0;
  cine.rate = rate;
  cine.due = 1000 / rate;
  cine.advance = (steps) => {
    if (!isThere(now)) return false;
    moves.push([now, steps]);
    return true;
  };
  for (now of ticks) cine.tick(now);
  return moves;
}

const every = (step, end) => [...Array(Math.floor(end / step)).keys()].map((i) => (i + 1) * step);
const images = (moves) => moves.reduce((sum, [, steps]) => sum + steps, 0);

test("the rate holds on a screen of any rate, with none skipped where the screen is fast enough", () => {
  for (const screen of [60, 75, 144]) {
    const moves = played(30, every(1000 / screen, 10_000));
    assert.ok(Math.abs(images(moves) - 300) <= 1, `${images(moves)} images at ${screen} Hz`);
    assert.ok(moves.every(([, steps]) => steps === 1));
  }
});

test("a screen that is too slow skips images and does not slow the heart down", () => {
  const moves = played(30, every(100, 10_000));
  assert.ok(Math.abs(images(moves) - 300) <= 3);
  assert.equal(moves.length, 100);
});

test("an image that is late is waited for and the wait is not made up for", () => {
  const moves = played(20, every(10, 3000), (now) => now < 1000 || now >= 2000);
  const after = moves.filter(([now]) => now >= 2000);
  assert.deepEqual(after.slice(0, 3).map(([, steps]) => steps), [1, 1, 1]);
  assert.ok(after.slice(1).every(([now], i) => now - after[i][0] >= 40));
  assert.ok(Math.abs(images(moves) - 40) <= 2);
});

test("a clock that stood still was paused", () => {
  const moves = played(30, [34, 60_000, 60_034]);
  assert.deepEqual(moves.map(([, steps]) => steps), [1, 1, 1]);
});

test("rates are kept within what makes sense", () => {
  assert.deepEqual([0, 30, 1000, Number.NaN].map(limitedRate), [1, 30, 60, 15]);
});

import assert from "node:assert/strict";
import { test } from "node:test";

import { dragged, startingWindow, tidy, typedNumber, windowInEffect } from "../../../viewer/static/js/light/windowing.js";

const start = { center: 40, width: 400 };

test("to the right is wider, down raises the centre, nothing is nothing", () => {
  assert.deepEqual(dragged(start, 0, 0, 400), start);
  assert.deepEqual(dragged(start, 100, 0, 400), { center: 40, width: 600 });
  assert.deepEqual(dragged(start, 0, 100, 400), { center: 140, width: 400 });
  assert.deepEqual(dragged(start, 0, -100, 400), { center: -60, width: 400 });
});

test("a window never becomes one that the formula does not allow", () => {
  assert.equal(dragged(start, -1e6, 0, 400).width, 1);
  assert.equal(dragged({ center: 1, width: 2, function: "SIGMOID" }, -1e6, 0, 400).width, 0.01);
  assert.equal(tidy({ center: 0, width: 1e30 }).width, 1e9);
});

test("values are as fine as a person can tell apart", () => {
  assert.deepEqual(tidy({ center: 40.44, width: 400.6 }), { center: 40, width: 401 });
  assert.deepEqual(tidy({ center: 0.444, width: 1.006 }), { center: 0.44, width: 1.01 });
});

test("the header of an image is read", () => {
  assert.deepEqual(windowInEffect("-600,1500,LINEAR"), { center: -600, width: 1500, function: "LINEAR" });
  assert.equal(windowInEffect("none"), "none");
  assert.equal(windowInEffect("table"), "table");
  assert.equal(windowInEffect(null), "none");
  assert.deepEqual(startingWindow("table", 12), { center: 2048, width: 4096 });
  assert.deepEqual(startingWindow("none", 8), { center: 128, width: 256 });
});

test("numbers are read as people type them", () => {
  assert.equal(typedNumber(" -600 "), -600);
  assert.equal(typedNumber("1,5"), 1.5);
  assert.equal(typedNumber("−20"), -20);
  for (const wrong of ["", "  ", "abc", "1e999"]) assert.equal(typedNumber(wrong), null);
});

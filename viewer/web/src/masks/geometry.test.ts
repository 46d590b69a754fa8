import { expect, test } from "vitest";
import type { Facts } from "../frames";
import { openRings, paddingAlpha, showsPadding } from "./geometry";

test("a rectangular shutter leaves open the pixels on its edges", () => {
  expect(openRings({ rectangle: { left: 3, right: 10, top: 2, bottom: 8 }, grey: 0 })).toEqual([[[2, 1], [10, 1], [10, 8], [2, 8]]]);
});

test("a circle keeps its radius, a polygon its corners, in the middle of pixels", () => {
  const [circle, polygon] = openRings({ circle: { row: 50, column: 40, radius: 20 }, polygon: [[1, 1], [1, 9], [9, 9]], grey: 0 });
  for (const [x, y] of circle as [number, number][]) expect(Math.hypot(x - 39.5, y - 49.5)).toBeCloseTo(20, 9);
  expect(polygon).toEqual([[0.5, 0.5], [8.5, 0.5], [8.5, 8.5]]);
});

test("padding is found by value, and painted only where it would not be black anyway", () => {
  expect([...(paddingAlpha(Int16Array.from([-2000, 0, -1999]), [-2000, -2000]) ?? [])]).toEqual([255, 0, 0]);
  expect(paddingAlpha(Int16Array.from([1, 2]), [-2000, -2000])).toBeNull();
  const grey = { is_colour: false } as Facts;
  expect(showsPadding(grey, false, -160, [-2000, -2000])).toBe(false);
  expect(showsPadding(grey, true, -160, [-2000, -2000])).toBe(true);
  expect(showsPadding(grey, false, -160, [0, 0])).toBe(true);
  expect(showsPadding(grey, true, -160, null)).toBe(false);
});

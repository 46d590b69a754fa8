import { expect, test } from "vitest";
import { Coming } from "./coming";

test("one answer brings all in the order that was asked for", () => {
  const coming = new Coming([[5, 7], [0, 1]]);
  expect(coming.lanes).toEqual([[5, 6, 7, 0, 1]]);
  expect(coming.before(7)).toBe(2);
});

test("several answers share what is wanted first, and end together", () => {
  const { lanes } = new Coming([[10, 25], [0, 3]], 3);
  expect(lanes.map((lane) => lane[0])).toEqual([10, 14, 18]);
  expect(lanes.flat().sort((a, b) => a - b)).toEqual([0, 1, 2, 3, ...Array.from({ length: 16 }, (_, i) => 10 + i)]);
  const even = new Coming([[0, 399]], 3).lanes.map((lane) => lane.length);
  expect(Math.max(...even) - Math.min(...even)).toBeLessThanOrEqual(4);
});

test("fewer frames than answers leave no empty one", () => {
  expect(new Coming([[3, 4]], 3).lanes).toEqual([[3, 4]]);
  expect(new Coming([], 3).lanes).toEqual([]);
});

test("a frame that came takes those before it in its answer along, and no others", () => {
  const coming = new Coming([[0, 11]], 3);
  coming.arrived(5);
  expect(coming.lanes).toEqual([[0, 1, 2, 3], [6, 7], [8, 9, 10, 11]]);
  expect(coming.left).toBe(10);
  coming.arrived(99);
  expect(coming.left).toBe(10);
});

test("how long a frame is waited for counts all answers that still bring something", () => {
  const coming = new Coming([[0, 11]], 3);
  expect(coming.before(6)).toBe(6);
  expect(coming.before(12)).toBe(Infinity);
  for (const last of [3, 11]) coming.arrived(last);
  expect([coming.answers, coming.before(6)]).toEqual([1, 2]);
  coming.arrived(7);
  expect([coming.answers, coming.before(6)]).toEqual([0, Infinity]);
});

import { expect, test } from "vitest";
import { flawsOf, type Lying } from "./geometry";

const slice = (z: number, own: Partial<Lying> = {}): Lying => ({ orientation: [1, 0, 0, 0, 1, 0], position: [0, 0, z], rows: 4, columns: 4, ...own });
const stack = (...places: number[]) => places.map((z) => slice(z));

test("an even stack has no flaw, in either direction, rounded or not", () => {
  expect(flawsOf(stack(0, 5, 10, 15))).toEqual([]);
  expect(flawsOf(stack(15, 10, 5, 0))).toEqual([]);
  expect(flawsOf(stack(0, 0.72, 1.44, 2.17, 2.89))).toEqual([]);
});

test("missing slices are named with their place", () => {
  expect(flawsOf(stack(0, 5, 10, 20, 25))).toEqual([{ kind: "gap", after: 2, missing: 1 }]);
  expect(flawsOf(stack(0, 5, 10, 15, 35, 40))).toEqual([{ kind: "gap", after: 3, missing: 3 }]);
});

test("uneven spacing that is no missing slice", () => {
  expect(flawsOf(stack(0, 5, 10, 17, 22))).toEqual([{ kind: "irregular", least: 5, most: 7 }]);
});

test("mixed sizes and directions", () => {
  expect(flawsOf([slice(0), slice(5), slice(10, { rows: 8 })])).toEqual([{ kind: "sizes" }]);
  expect(flawsOf([slice(0), slice(5), slice(10, { orientation: [1, 0, 0, 0, 0, -1] })])).toEqual([{ kind: "orientations" }]);
});

test("nothing is said of images without a place, of two, and of several acquisitions of one place", () => {
  expect(flawsOf([])).toEqual([]);
  expect(flawsOf([slice(0, { position: [] }), slice(9, { position: [] }), slice(1, { position: [] })])).toEqual([]);
  expect(flawsOf(stack(0, 50))).toEqual([]);
  expect(flawsOf(stack(0, 0, 5, 5, 10, 10))).toEqual([]);
  expect(flawsOf(stack(0, 5, 10, 0, 5, 10))).toEqual([]);
});

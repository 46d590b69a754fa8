import { describe, expect, test } from "vitest";
import { curveOf, displayValue, draggedWindow, fullRange, limitsOf, scaledVoi, shortNumber, tidied, type Window } from ".";

const linear: Window = { center: 40, width: 400, function: "LINEAR" };

function along(points: [number, number][], value: number): number {
  if (value <= (points[0] as [number, number])[0]) return (points[0] as [number, number])[1];
  for (let i = 1; i < points.length; i++) {
    const [x0, y0] = points[i - 1] as [number, number];
    const [x1, y1] = points[i] as [number, number];
    if (value <= x1) return y0 + ((y1 - y0) * (value - x0)) / (x1 - x0);
  }
  return (points.at(-1) as [number, number])[1];
}

describe("display values follow PS3.3 C.11.2", () => {
  test("LINEAR: black at c - 0.5 - (w - 1) / 2, white at c - 0.5 + (w - 1) / 2", () => {
    expect(limitsOf(linear)).toEqual({ lower: -160, upper: 239 });
    expect(displayValue(-160, linear)).toBe(0);
    expect(displayValue(239, linear)).toBe(1);
    expect(displayValue(39.5, linear)).toBeCloseTo(0.5, 12);
  });

  test("LINEAR of width 1 is a threshold", () => {
    const threshold: Window = { center: 10, width: 1, function: "LINEAR" };
    expect([9, 9.5, 10].map((value) => displayValue(value, threshold))).toEqual([0, 0, 1]);
  });

  test("LINEAR_EXACT and SIGMOID", () => {
    expect(limitsOf({ ...linear, function: "LINEAR_EXACT" })).toEqual({ lower: -160, upper: 240 });
    expect(displayValue(40, { ...linear, function: "SIGMOID" })).toBe(0.5);
    expect(displayValue(140, { ...linear, function: "SIGMOID" })).toBeCloseTo(1 / (1 + Math.exp(-1)), 12);
  });

  test.each(["LINEAR", "LINEAR_EXACT", "SIGMOID"] as const)("the curve for the GPU stays within a quarter of a grey level: %s", (name) => {
    const window: Window = { center: 17.5, width: 321, function: name };
    const points = curveOf({ kind: "window", window });
    for (let value = -1500; value < 1500; value += 0.37) {
      expect(Math.abs(along(points, value) - displayValue(value, window))).toBeLessThan(0.25 / 255);
    }
  });

  test("a table's curve goes through its entries", () => {
    const entries = Uint16Array.from({ length: 256 }, (_, i) => (i * i) >> 8);
    const points = curveOf({ kind: "table", table: { first: -50, bits: 8, entries, explanation: "" } });
    expect(along(points, -50)).toBe(0);
    expect(along(points, 150)).toBeCloseTo((entries[200] as number) / 255, 9);
    expect(along(points, 9999)).toBe((entries[255] as number) / 255);
  });
});

test("the whole range of whole numbers, and of others", () => {
  expect(displayValue(-5, fullRange(-5, 90, true))).toBe(0);
  expect(displayValue(90, fullRange(-5, 90, true))).toBe(1);
  expect(fullRange(0, 1, false)).toEqual({ center: 0.5, width: 1, function: "LINEAR_EXACT" });
  expect(fullRange(3, 3, false).width).toBe(1);
});

test("dragging right is wider, down is a higher centre, and no width falls below what its function allows", () => {
  const right = draggedWindow(linear, 100, 0, 400);
  expect(right.width).toBeGreaterThan(400);
  expect(right.center).toBe(40);
  expect(draggedWindow(linear, 0, 50, 400).center).toBeGreaterThan(40);
  expect(draggedWindow(linear, -9999, 0, 400).width).toBe(1);
  const narrow = draggedWindow({ center: 0.002, width: 0.004, function: "LINEAR_EXACT" }, -9999, 0, 0.004);
  expect(narrow.width).toBeGreaterThan(0);
});

test("a window on values that are larger by a factor", () => {
  const voi = { kind: "window", window: { center: 2.5, width: 5, function: "LINEAR_EXACT" } } as const;
  expect(scaledVoi(voi, 1000)).toEqual({ kind: "window", window: { center: 2500, width: 5000, function: "LINEAR_EXACT" } });
});

test("numbers without needless digits", () => {
  expect([400, 39.96, 1.25, 0.0034567, -1024].map(shortNumber)).toEqual(["400", "40", "1.3", "0.003457", "-1024"]);
  expect(tidied({ center: 40.4, width: 399.7, function: "LINEAR" })).toEqual({ center: 40, width: 400, function: "LINEAR" });
});

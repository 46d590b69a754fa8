import { describe, expect, test } from "vitest";
import { areParallel, crossing, distance, nearest, nearestBeside, planeOf, toPatient, toPlane, type Placed, type Plane, type Vector } from "./geometry";

const placed = (position: number[], orientation = [1, 0, 0, 0, 1, 0]): Placed => ({
  position,
  orientation,
  rows: 100,
  columns: 200,
  spacing: { row_mm: 2, column_mm: 1, status: "patient" },
});
const axial = (z: number): Plane => planeOf(placed([-100, -100, z])) as Plane;
const sagittal = planeOf(placed([10, -100, 80], [0, 1, 0, 0, 0, -1])) as Plane;

describe("planes", () => {
  test("only where the patient's space is known", () => {
    expect(planeOf(undefined)).toBeNull();
    expect(planeOf(placed([]))).toBeNull();
    expect(planeOf({ ...placed([0, 0, 0]), spacing: { row_mm: 0.1, column_mm: 0.1, status: "detector" } })).toBeNull();
  });

  test("points go there and back", () => {
    const point = toPatient(axial(30), 12.5, 60.25);
    expect(point).toEqual([-88, 19.5, 30]);
    expect(toPlane(axial(30), point)).toEqual({ column: 12.5, row: 60.25 });
    expect(distance(axial(30), [0, 0, 35])).toBe(5);
  });

  test("the nearest slice, and none among images without a place", () => {
    const point: Vector = [0, 0, 13.2];
    expect(nearest([axial(0), null, axial(12), axial(24)], point)).toBe(2);
    expect(nearest([null], point)).toBe(-1);
  });

  test("the slice beside another one is parallel to it, also where a localizer passes nearer", () => {
    expect(nearestBeside(axial(13), [sagittal, axial(0), null, axial(12), axial(24)])).toBe(3);
    expect(nearestBeside(axial(13), [axial(24), axial(12), axial(0)])).toBe(1);
    expect(nearestBeside(axial(13), [sagittal, null])).toBe(-1);
  });
});

describe("reference lines", () => {
  test("a sagittal plane cuts an axial picture in a straight line from front to back", () => {
    const cut = crossing(axial(30), sagittal) as number[];
    // x = 10 mm is column 110.5; the sagittal picture reaches from y = -100.5 to y = 99.5 mm.
    expect([cut[0], cut[2]]).toEqual([110.5, 110.5]);
    expect([cut[1], cut[3]].map(Number).sort((a, b) => a - b)).toEqual([0.25, 100.25]);
    expect(areParallel(axial(30), sagittal)).toBe(false);
  });

  test("parallel planes and pictures that do not reach have none", () => {
    expect(crossing(axial(0), axial(5))).toBeNull();
    expect(crossing(axial(500), sagittal)).toBeNull();
  });
});

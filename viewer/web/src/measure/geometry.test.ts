import { describe, expect, it } from "vitest";
import { angle, distance, ellipseArea, linesAngle, polygonArea, scaleAt, type Scale } from "./geometry";

const MM: Scale = { height: 0.5, width: 0.25, isMm: true, status: "patient" };
const spacing = { row_mm: 0.5, column_mm: 0.25, status: "patient" as const, calibration: "" };
const region = { left: 0, top: 0, right: 9, bottom: 9, row_mm: 0.1, column_mm: 0.2 };

describe("lengths, angles and areas", () => {
  it("are those of the patient where pixels are not square", () => {
    expect(distance({ x: 0, y: 0 }, { x: 4, y: 0 }, MM)).toBeCloseTo(1);
    expect(distance({ x: 0, y: 0 }, { x: 0, y: 4 }, MM)).toBeCloseTo(2);
    expect(angle({ x: 2, y: 0 }, { x: 0, y: 0 }, { x: 2, y: 1 }, MM)).toBeCloseTo(45);
    expect(polygonArea([{ x: 0, y: 0 }, { x: 4, y: 0 }, { x: 4, y: 4 }, { x: 0, y: 4 }], MM)).toBeCloseTo(2);
    expect(ellipseArea([{ x: 0, y: 2 }, { x: 8, y: 2 }, { x: 4, y: 0 }, { x: 4, y: 4 }], MM)).toBeCloseTo(Math.PI);
  });

  it("does not care which way the lines of a Cobb angle were drawn", () => {
    const square: Scale = { ...MM, height: 1, width: 1 };
    const first: [{ x: number; y: number }, { x: number; y: number }] = [{ x: 0, y: 0 }, { x: 10, y: 0 }];
    for (const second of [[{ x: 0, y: 5 }, { x: 10, y: 15 }], [{ x: 10, y: 15 }, { x: 0, y: 5 }]] as (typeof first)[]) {
      expect(linesAngle(first, second, square)).toBeCloseTo(45);
    }
  });

  it("has no angle where an arm has no length", () => {
    expect(angle({ x: 1, y: 1 }, { x: 1, y: 1 }, { x: 2, y: 2 }, MM)).toBe(0);
  });
});

describe("the scale (PS3.3 10.7)", () => {
  it("is in pixels where the object states none, with their shape", () => {
    const none = { row_mm: null, column_mm: null, status: "unknown" as const, calibration: "" };
    expect(scaleAt([], { spacing: none, regions: [], aspect: 2 })).toEqual({ height: 2, width: 1, isMm: false, status: "unknown" });
  });

  it("holds inside an ultrasound region only", () => {
    const facts = { spacing, regions: [region], aspect: 1 };
    expect(scaleAt([{ x: 1, y: 1 }, { x: 10, y: 10 }], facts)).toMatchObject({ width: 0.2, height: 0.1, isMm: true, status: "region" });
    expect(scaleAt([{ x: 1, y: 1 }, { x: 10.1, y: 5 }], facts).isMm).toBe(false);
  });

  it("is none where regions that overlap disagree", () => {
    const other = { ...region, row_mm: 0.3 };
    expect(scaleAt([{ x: 1, y: 1 }], { spacing, regions: [region, other], aspect: 1 }).isMm).toBe(false);
  });
});

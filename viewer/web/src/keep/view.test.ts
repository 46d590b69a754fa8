import { describe, expect, it } from "vitest";
import { matrixOf, toPicture, type Placement, type Turn } from "../placement";
import { areaOf, placementFor, type Area } from "./view";

const box = { width: 800, height: 600 };
const shape = { rows: 400, columns: 512, aspect: 1.25 };

describe("a kept part of the picture", () => {
  it("comes back to the middle of the screen under every pose, as large as it fits", () => {
    for (const rotate of [0, 90, 180, 270] as Turn[]) {
      for (const flip of [false, true]) {
        const area: Area = [100, 40, 200, 140];
        const placement = placementFor(area, { rotate, flip }, shape, box);
        const middle = toPicture(matrixOf(placement, shape.rows, shape.columns, shape.aspect, box), { x: 400, y: 300 });
        expect(middle.x).toBeCloseTo(150);
        expect(middle.y).toBeCloseTo(90);
        const seen = areaOf(placement, shape, box) as Area;
        expect(seen[0]).toBeLessThanOrEqual(100.01);
        expect(seen[1]).toBeLessThanOrEqual(40.01);
        expect(seen[2]).toBeGreaterThanOrEqual(199.99);
        expect(seen[3]).toBeGreaterThanOrEqual(139.99);
        // One of its sides is that of the screen.
        const touches = [seen[0] - 100, seen[1] - 40, seen[2] - 200, seen[3] - 140].filter((gap) => Math.abs(gap) < 0.01);
        expect(touches.length).toBeGreaterThanOrEqual(2);
      }
    }
  });

  it("is nothing where the whole picture is in sight", () => {
    const whole: Placement = { pose: { rotate: 0, flip: false }, zoom: 1, pan: { x: 0, y: 0 } };
    expect(areaOf(whole, shape, box)).toBeNull();
    expect(placementFor(null, whole.pose, shape, box)).toEqual(whole);
  });
});

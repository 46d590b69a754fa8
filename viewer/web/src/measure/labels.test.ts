import { describe, expect, it } from "vitest";
import type { Point } from "../placement";
import { labelPlaces, LINE_HEIGHT, type Labelled } from "./labels";

const CELL = { width: 400, height: 300 };
const line = (...on: Point[]): Labelled => ({ kind: "length", on, lines: ["50.0 mm"] });
const box = ({ x, y }: Point, { lines }: Labelled) => ({ left: x, right: x + 7 * Math.max(...lines.map((one) => one.length)), top: y - LINE_HEIGHT + 4, bottom: y - LINE_HEIGHT + 4 + lines.length * LINE_HEIGHT });

describe("texts of shapes", () => {
  it("stand to the right, and to the left where there is no room", () => {
    const [right, left] = labelPlaces([line({ x: 50, y: 100 }, { x: 150, y: 100 }), line({ x: 250, y: 200 }, { x: 380, y: 200 })], CELL) as [Point, Point];
    expect(right).toEqual({ x: 158, y: 100 });
    expect(left.x).toBeLessThan(250 - 49);
  });

  it("stand below a shape that is as wide as the cell", () => {
    const [below] = labelPlaces([line({ x: 2, y: 100 }, { x: 398, y: 100 })], CELL) as [Point];
    expect(below.y).toBeGreaterThan(100);
  });

  it("are in sight and never over each other, while there is room", () => {
    for (let seed = 1; seed < 60; seed++) {
      const at = (i: number): Point => ({ x: (seed * 97 + i * 61) % 400, y: (seed * 53 + i * 89) % 300 });
      const shapes: Labelled[] = Array.from({ length: 8 }, (_, i) => ({ ...line(at(i), at(i + 3)), kind: i % 3 ? "ellipse" : "arrow", lines: i % 2 ? ["254 mm²", "300 ± 6.8 HU", "286 … 315"] : ["50.0 mm"] }));
      // A worst case: two on the very same place.
      shapes.push({ ...(shapes[0] as Labelled) });
      const boxes = labelPlaces(shapes, CELL).map((place, i) => box(place, shapes[i] as Labelled));
      boxes.forEach((one, i) => {
        expect(one.left >= 0 && one.right <= CELL.width && one.top >= 0 && one.bottom <= CELL.height).toBe(true);
        for (const other of boxes.slice(0, i)) expect(one.left < other.right && other.left < one.right && one.top < other.bottom && other.top < one.bottom).toBe(false);
      });
    }
  });

  it("of shapes that say nothing take no room", () => {
    expect(labelPlaces([{ kind: "arrow", on: [{ x: 5, y: 5 }], lines: [] }], CELL)).toEqual([{ x: 0, y: 0 }]);
  });
});

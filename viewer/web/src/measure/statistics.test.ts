import { describe, expect, it } from "vitest";
import { histogram, insideEllipse, insidePolygon, statistics, type Grid } from "./statistics";

/** 64 x 64, each pixel worth its column. */
const grid: Grid = { values: Int16Array.from({ length: 64 * 64 }, (_, i) => i % 64), rows: 64, columns: 64, padding: null };
const rectangle = [{ x: 10, y: 10 }, { x: 50, y: 10 }, { x: 50, y: 30 }, { x: 10, y: 30 }];

describe("values inside shapes", () => {
  it("are those of pixels whose centres are inside", () => {
    const found = statistics(insidePolygon(rectangle, grid));
    expect(found).toMatchObject({ count: 800, minimum: 10, maximum: 49, mean: 29.5 });
    expect(found?.deviation).toBeCloseTo(Math.sqrt((40 ** 2 - 1) / 12));
  });

  it("come as near to the area of an ellipse as pixels can", () => {
    const ends = [{ x: 10, y: 30 }, { x: 50, y: 30 }, { x: 30, y: 20 }, { x: 30, y: 40 }];
    const values = insideEllipse(ends, grid);
    expect(Math.abs(values.length - Math.PI * 20 * 10)).toBeLessThan(15);
    expect(statistics(values)?.mean).toBeCloseTo(29.5);
  });

  it("leave padding and what is outside the picture out", () => {
    const beyond = rectangle.map(({ x, y }) => ({ x: x - 40, y }));
    expect(statistics(insidePolygon(beyond, grid))).toMatchObject({ count: 200, minimum: 0, maximum: 9 });
    expect(statistics(insidePolygon(rectangle, { ...grid, padding: [10, 39] }))).toMatchObject({ minimum: 40 });
    expect(statistics(insidePolygon(rectangle.map(({ x, y }) => ({ x: x - 100, y })), grid))).toBeNull();
  });

  it("leave out what is no number", () => {
    const values = Float32Array.from(grid.values, (value) => (value < 30 ? NaN : value));
    expect(statistics(insidePolygon(rectangle, { ...grid, values }))).toMatchObject({ count: 400, minimum: 30, maximum: 49 });
  });

  it("count a hole of a crossed outline once (even-odd)", () => {
    const bow = [{ x: 0, y: 0 }, { x: 20, y: 20 }, { x: 20, y: 0 }, { x: 0, y: 20 }];
    expect(Math.abs(insidePolygon(bow, grid).length - 200)).toBeLessThanOrEqual(20);
  });

  it("fill a histogram from end to end", () => {
    expect(histogram([0, 1, 2, 3], 4)).toEqual([1, 1, 1, 1]);
    expect(histogram([5, 5], 3)).toEqual([2, 0, 0]);
    expect(histogram([], 2)).toEqual([0, 0]);
  });
});

describe("histograms", () => {
  it("put whole numbers on the edge of two bins into the upper one, always", () => {
    for (let span = 48; span <= 48 * 60; span += 48) {
      const values = Array.from({ length: span + 1 }, (_, i) => i - 1000);
      const part = span / 48;
      expect(histogram(values, 48), `${span}`).toEqual(Array.from({ length: 48 }, (_, i) => (i === 47 ? part + 1 : part)));
    }
  });
});

import { describe, expect, it } from "vitest";
import { SeriesFrames, type Facts } from "../frames";
import { volumeOf } from "../volume";
import { laidOver } from "./fusion";

function facts(z: number, mm: number, size: number): Facts {
  const spacing = { row_mm: mm, column_mm: mm, status: "patient", calibration: "" };
  return { orientation: [1, 0, 0, 0, 1, 0], position: [0, 0, z], rows: size, columns: size, spacing, is_colour: false } as unknown as Facts;
}

describe("a series laid over another", () => {
  it("has its values where they belong in the patient", () => {
    const all = [0, 5, 10].map((z) => facts(z, 4, 16));
    const volume = volumeOf(all);
    if (typeof volume === "string") throw new Error(volume);
    // Each pixel is worth its distance to the left of the patient's origin, in mm.
    const source = { picture: () => ({ values: Float32Array.from({ length: 256 }, (_, i) => (i % 16) * 4) }) } as unknown as SeriesFrames;
    const below = facts(7, 1, 48);
    const laid = laidOver(below, volume, source, 2);
    expect(laid).not.toBeNull();
    const { values, columns, rows, across } = laid as NonNullable<typeof laid>;
    for (let column = 2; column < columns - 2; column++) {
      const picture = (column + 0.5) * across - 0.5;
      expect(values[(rows >> 1) * columns + column]).toBeCloseTo(2 * picture, 3);
    }
  });

  it("has no place over an image without one", () => {
    const none = { ...facts(0, 1, 8), orientation: [], position: [] } as unknown as Facts;
    const volume = volumeOf([0, 5, 10].map((z) => facts(z, 4, 16)));
    if (typeof volume === "string") throw new Error(volume);
    expect(laidOver(none, volume, new SeriesFrames("1.2", 3), 1)).toBeNull();
  });
});

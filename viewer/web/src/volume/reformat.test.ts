import { describe, expect, it, vi } from "vitest";
import { SeriesFrames, type Facts } from "../frames";
import { Reformat } from "./reformat";
import { volumeOf } from "./space";

const METAL = 65535;

/** Three slices of 16 bits unsigned, made HU by -1024: whole numbers of 16 bits do where nothing is very bright. */
function series(brightest: number[]): SeriesFrames {
  const made = new SeriesFrames("1.2", brightest.length);
  const spacing = { row_mm: 1, column_mm: 1, status: "patient", calibration: "" };
  const facts = brightest.map((_, i) => ({ orientation: [1, 0, 0, 0, 1, 0], position: [0, 0, i], rows: 3, columns: 3, spacing, is_colour: false, modality: "CT", transport: "uint16", bits_stored: 16, rescale: { slope: 1, intercept: -1024, unit: "HU" } }) as unknown as Facts);
  made.addFacts(0, facts);
  brightest.forEach((value, position) => made.take({ position, code: 1, payload: new Uint16Array(9).fill(value).buffer }));
  return made;
}

function planes(source: SeriesFrames): Reformat {
  const volume = volumeOf(source.facts);
  if (typeof volume === "string") throw new Error(volume);
  return new Reformat(source, volume, "axial");
}

describe("planes through a series", () => {
  it("hold every value, also where one slice has brighter ones than the others can hold", () => {
    const made = planes(series([1000, 1000, METAL]));
    // From the head down.
    expect([0, 1, 2].map((place) => made.picture(place)?.values[4])).toEqual([METAL - 1024, -24, -24]);
  });

  it("take two bytes a pixel where all slices do", () => {
    expect(planes(series([1000, 1000, 1000])).picture(0)?.values).toBeInstanceOf(Int16Array);
  });

  it("name the image of the series that lies nearest", () => {
    const made = planes(series([1, 2, 3]));
    expect([0, 1, 2].map((place) => made.sourceOf(place))).toEqual([2, 1, 0]);
  });

  it("follow their series no more once they are closed", () => {
    vi.useFakeTimers();
    const source = series([1, 2, 3]);
    const made = planes(source);
    let told = 0;
    made.changed = () => (told += 1);
    source.addFacts(0, []);
    vi.advanceTimersByTime(1000);
    expect(told).toBe(1);
    source.addFacts(0, []);
    made.close();
    source.addFacts(0, []);
    vi.advanceTimersByTime(1000);
    expect(told).toBe(1);
    vi.useRealTimers();
  });
});

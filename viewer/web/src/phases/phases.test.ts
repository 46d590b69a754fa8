import { describe, expect, it } from "vitest";
import { SeriesFrames, type Facts } from "../frames";
import { phasesOf } from "./geometry";
import { Part } from "./part";

function image(z: number, more: Partial<Facts> = {}): Facts {
  return {
    orientation: [1, 0, 0, 0, 1, 0], position: [0, 0, z], rows: 2, columns: 2, acquisition: "", technique: {}, transport: "uint8", bits_stored: 8,
    rescale: { slope: 1, intercept: 0, unit: "" }, spacing: { row_mm: 1, column_mm: 1, status: "patient", calibration: "" }, ...more,
  } as unknown as Facts;
}

const positions = (all: Facts[]) => phasesOf(all)?.map((phase) => phase.positions);

describe("phases", () => {
  it("are found whether places or phases come first in the series", () => {
    expect(positions([0, 5, 10, 0, 5, 10].map((z) => image(z)))).toEqual([[0, 1, 2], [3, 4, 5]]);
    expect(positions([0, 0, 5, 5, 10, 10].map((z) => image(z)))).toEqual([[0, 2, 4], [1, 3, 5]]);
  });

  it("go through the patient the way the series does", () => {
    expect(positions([10, 5, 0, 10, 5, 0].map((z) => image(z)))).toEqual([[0, 1, 2], [3, 4, 5]]);
  });

  it("are parted and named by what the images say, not by the order in which they came", () => {
    const all = [[0, 1000], [5, 0], [10, 1000], [0, 0], [5, 1000], [10, 0]].map(([z, b]) => image(z as number, { technique: { b_value: b as number } }));
    const phases = phasesOf(all);
    expect(phases?.map((phase) => phase.positions)).toEqual([[3, 1, 5], [0, 4, 2]]);
    expect(phases?.map((phase) => phase.said)).toEqual([{ name: "b_value", value: 0 }, { name: "b_value", value: 1000 }]);
  });

  it("may lack images where a scan was broken off", () => {
    expect(positions([0, 5, 10, 15, 0, 5, 10].map((z) => image(z)))).toEqual([[0, 1, 2, 3], [4, 5, 6]]);
  });

  it("are none where an image is missing in the middle and nothing says whose it is", () => {
    expect(phasesOf([0, 10, 15, 0, 5, 10, 15].map((z) => image(z)))).toBeNull();
    expect(phasesOf([0, 5, 10, 15, 0, 10, 15, 0, 5, 10, 15].map((z) => image(z)))).toBeNull();
    expect(phasesOf([0, 0, 5, 10, 10, 15, 15].map((z) => image(z)))).toBeNull();
    const said = [[0, 1], [10, 1], [15, 1], [0, 2], [5, 2], [10, 2], [15, 2]].map(([z, n]) => image(z as number, { technique: { temporal_position: n as number } }));
    expect(positions(said)).toEqual([[0, 1, 2], [3, 4, 5, 6]]);
  });

  it("may lack the last images also where all phases of a place come together", () => {
    expect(positions([0, 0, 5, 5, 10, 10, 15].map((z) => image(z)))).toEqual([[0, 2, 4, 6], [1, 3, 5]]);
  });

  it("are none in an ordinary stack, a film of one slice, a localiser and a stack with one image twice", () => {
    expect(phasesOf([0, 5, 10, 15].map((z) => image(z)))).toBeNull();
    expect(phasesOf([0, 0, 0, 0].map((z) => image(z)))).toBeNull();
    expect(phasesOf([image(0), image(5), image(10, { orientation: [0, 1, 0, 0, 0, -1] }), image(0)])).toBeNull();
    expect(phasesOf([0, 5, 10, 15, 10].map((z) => image(z)))).toBeNull();
    expect(phasesOf([])).toBeNull();
  });

  it("show the images of the whole series", () => {
    const whole = new SeriesFrames("1.2", 6);
    whole.addFacts(0, [0, 0, 5, 5, 10, 10].map((z) => image(z)));
    whole.factsComplete = true;
    const part = new Part(whole, 1, [1, 3, 5]);
    let told = 0;
    part.onChange(() => (told += 1));
    whole.take({ position: 3, code: 1, payload: Uint8Array.from([7, 7, 7, 7]).buffer });
    expect([part.total, part.settled, part.loaded, part.has(0), part.has(1), told]).toEqual([3, 1, 1, false, true, 1]);
    expect(part.picture(1)?.values[0]).toBe(7);
    expect([part.uid, part.needs, part.sourceOf(1), part.bytes]).toEqual(["1.2~phase2", "1.2", 3, 0]);
  });
});

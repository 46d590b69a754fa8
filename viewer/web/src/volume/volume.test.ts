import { describe, expect, it } from "vitest";
import type { Facts } from "../frames";
import { toPatient, type Plane, type Vector } from "../sync";
import { offsetsOf, reslice, THIN, type Projection } from "./reslice";
import { lettersOf, planeAt, placeOf, stackOf, volumeOf, type Orientation, type Volume } from "./space";

const ROWS = 24;
const COLUMNS = 20;

/** The same numbers at every run. */
function* random(seed: number): Generator<number> {
  for (let state = seed; ; ) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    yield state / 2 ** 32;
  }
}

function facts(position: Vector, row: Vector = [1, 0, 0], column: Vector = [0, 1, 0], more: Partial<Facts> = {}): Facts {
  const spacing = { row_mm: 1.5, column_mm: 1.25, status: "patient" as const, calibration: "" };
  return { orientation: [...row, ...column], position, rows: ROWS, columns: COLUMNS, spacing, is_colour: false, ...more } as Facts;
}

function slices(heights: number[], tilt = 0): Facts[] {
  return heights.map((z) => facts([-10, -15 + z * tilt, z]));
}

function volume(all: Facts[]): Volume {
  const found = volumeOf(all);
  if (typeof found === "string") throw new Error(found);
  return found;
}

/** A value that changes evenly through space: linear interpolation gives it back exactly. */
const even = ([x, y, z]: Vector): number => 100 + 2 * x - 3 * y + 5 * z;

function framesOf(all: Facts[], value: (point: Vector) => number): Float32Array[] {
  return all.map(({ orientation, position, spacing }) => {
    const plane: Plane = { origin: position as Vector, row: orientation.slice(0, 3) as Vector, column: orientation.slice(3) as Vector, rowMm: spacing.row_mm as number, columnMm: spacing.column_mm as number, rows: ROWS, columns: COLUMNS };
    return Float32Array.from({ length: ROWS * COLUMNS }, (_, i) => value(toPatient(plane, (i % COLUMNS) + 0.5, Math.floor(i / COLUMNS) + 0.5)));
  });
}

function resliced(found: Volume, frames: Float32Array[], plane: Plane, slab = THIN): Float32Array {
  const out = new Float32Array(plane.rows * plane.columns);
  reslice(found, plane, slab, (slice) => frames[found.slices[slice]?.position as number] ?? null, out, NaN);
  return out;
}

/** How many pixels were compared: those whose eight neighbours are all inside. */
function compare(found: Volume, plane: Plane, values: Float32Array): number {
  let count = 0;
  for (let row = 0; row < plane.rows; row++) {
    for (let column = 0; column < plane.columns; column++) {
      const value = values[row * plane.columns + column] as number;
      const point = toPatient(plane, column + 0.5, row + 0.5);
      if (Number.isNaN(value) || !isWellInside(found, point)) continue;
      expect(value).toBeCloseTo(even(point), 2);
      count += 1;
    }
  }
  return count;
}

function isWellInside(found: Volume, point: Vector): boolean {
  const along = point[2] - found.origin[2];
  const last = found.slices.at(-1)?.along as number;
  if (along < 0 || along > last) return false;
  return found.slices.every(({ shiftColumns, shiftRows }) => {
    const i = (point[0] - found.origin[0]) / 1.25 - shiftColumns;
    const j = (point[1] - found.origin[1]) / 1.5 - shiftRows;
    return i >= 0 && j >= 0 && i <= COLUMNS - 1 && j <= ROWS - 1;
  });
}

const EVEN = [0, 2, 4, 6, 8, 10, 12];
const UNEVEN = [0, 1, 4, 4.5, 9, 12];

describe("planes through a volume", () => {
  it.each<[string, Facts[]]>([
    ["even slices", slices(EVEN)],
    ["uneven slices", slices(UNEVEN)],
    ["slices in the other order", slices([...EVEN].reverse())],
    ["a tilted gantry", slices(EVEN, 0.3)],
  ])("hold the values of the patient: %s", (_, all) => {
    const found = volume(all);
    const frames = framesOf(all, even);
    const numbers = random(7);
    for (const orientation of ["axial", "coronal", "sagittal"] as Orientation[]) {
      for (let i = 0; i < 6; i++) {
        const angle = () => (i === 0 ? 0 : Math.round(((numbers.next().value as number) - 0.5) * 160));
        const stack = stackOf(found, orientation, angle(), angle());
        const plane = planeAt(stack, stack.total >> 1);
        expect(compare(found, plane, resliced(found, frames, plane))).toBeGreaterThan(20);
      }
    }
  });

  it("are the slices themselves where they run along them", () => {
    const all = slices(EVEN);
    const numbers = random(3);
    const frames = framesOf(all, () => Math.floor((numbers.next().value as number) * 4000) - 1000);
    const plane: Plane = { origin: [-10, -15, 6], row: [1, 0, 0], column: [0, 1, 0], rowMm: 1.5, columnMm: 1.25, rows: ROWS, columns: COLUMNS };
    expect(resliced(volume(all), frames, plane)).toEqual(frames[3]);
  });

  it("go through the middle of the place that is asked for", () => {
    const found = volume(slices(EVEN));
    const stack = stackOf(found, "coronal");
    const place = placeOf(stack, [0, 3, 5]);
    expect(Math.abs(planeAt(stack, place).origin[1] - 3)).toBeLessThanOrEqual(stack.stepMm / 2 + 1e-9);
  });

  it("show nothing outside, and nothing where a frame is missing", () => {
    const all = slices(EVEN);
    const found = volume(all);
    const frames = framesOf(all, even).map((frame, i) => (i === 3 ? null : frame));
    const plane = planeAt(stackOf(found, "coronal"), 10);
    const out = new Float32Array(plane.rows * plane.columns);
    reslice(found, plane, THIN, (slice) => frames[found.slices[slice]?.position as number] ?? null, out, -9999);
    expect(out.includes(-9999)).toBe(true);
    const outside = new Float32Array(plane.rows * plane.columns);
    reslice(found, { ...plane, origin: [0, 900, 0] }, THIN, () => null, outside, -9999);
    expect(outside.every((value) => value === -9999)).toBe(true);
  });
});

describe("slabs", () => {
  it.each<[Projection, number]>([["maximum", 3], ["minimum", -3], ["mean", 0]])("take the %s through their thickness", (projection, away) => {
    const all = slices(EVEN);
    const found = volume(all);
    const plane = planeAt(stackOf(found, "axial"), stackOf(found, "axial").total >> 1);
    const thin = resliced(found, framesOf(all, even), plane);
    const thick = resliced(found, framesOf(all, even), plane, { mm: 6, projection });
    const middle = (plane.rows >> 1) * plane.columns + (plane.columns >> 1);
    // Five units for each mm towards the head.
    expect((thick[middle] as number) - (thin[middle] as number)).toBeCloseTo(away * 5, 2);
  });

  it.each<[Orientation, Vector]>([["axial", [0, 0, 1]], ["coronal", [0, 1, 0]], ["sagittal", [1, 0, 0]]])("show the whole of what is one pixel thick, in %s planes of any place", (orientation, normal) => {
    const all = slices([0, 1.9, 4.1, 6, 8.3, 10, 12.2]);
    const found = volume(all);
    // One layer of pixels: slice 3, row 11, column 9.
    const layer = (found.origin as Vector).map((from, axis) => from + ([9 * 1.25, 11 * 1.5, 6][axis] as number)) as Vector;
    const away = (point: Vector) => point.reduce((sum, at, axis) => sum + (at - (layer[axis] as number)) * (normal[axis] as number), 0);
    const stack = stackOf(found, orientation);
    for (const [projection, value] of [["maximum", 1000], ["minimum", -1000]] as const) {
      const frames = framesOf(all, (point) => (Math.abs(away(point)) < 0.1 ? value : 0));
      for (let place = 0; place < stack.total; place++) {
        const plane = planeAt(stack, place);
        if (Math.abs(away(plane.origin)) > 2.9) continue;
        const shown = resliced(found, frames, plane, { mm: 6, projection });
        expect(shown[(plane.rows >> 1) * plane.columns + (plane.columns >> 1)]).toBeCloseTo(value, 3);
      }
    }
  });

  it("are sampled as finely as the volume is, from end to end", () => {
    expect(offsetsOf({ mm: 4, projection: "mean" }, 1)).toEqual([-2, -1, 0, 1, 2]);
    expect(offsetsOf({ mm: 0, projection: "mean" }, 1)).toEqual([0]);
  });
});

describe("what makes a volume", () => {
  it("leaves localizers and second phases out", () => {
    const localizer = facts([0, 0, 0], [0, 1, 0], [0, 0, -1]);
    const all = [localizer, ...slices(EVEN), ...slices(EVEN)];
    const found = volume(all);
    expect(found.slices.map((slice) => slice.position)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(found.gapMm).toBe(2);
  });

  it("says why there is none", () => {
    expect(volumeOf(slices([0, 1]))).toBe("too few");
    expect(volumeOf(EVEN.map(() => facts([0, 0, 0], undefined, undefined, { orientation: [], position: [] })))).toBe("no place");
    expect(volumeOf([facts([0, 0, 0], undefined, undefined, { is_colour: true })])).toBe("colour");
    expect(volumeOf(EVEN.map((z) => ({ ...facts([0, 0, z]), spacing: { row_mm: 1, column_mm: 1, status: "detector", calibration: "" } }) as Facts))).toBe("no place");
  });
});

describe("letters of planes", () => {
  it.each<[Orientation, string]>([["axial", "RLAP"], ["coronal", "RLHF"], ["sagittal", "APHF"]])("of the %s plane", (orientation, letters) => {
    const stack = stackOf(volume(slices(EVEN)), orientation);
    const found = lettersOf(stack.row, stack.column);
    expect(found.left + found.right + found.top + found.bottom).toBe(letters);
  });

  it("name two directions where the plane is oblique", () => {
    expect(lettersOf([0.8, 0.6, 0], [0, 0, -1])).toEqual({ left: "RA", right: "LP", top: "H", bottom: "F" });
  });
});

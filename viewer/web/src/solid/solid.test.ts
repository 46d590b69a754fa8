import { describe, expect, it } from "vitest";
import type { Facts } from "../frames";
import { cross, dot } from "../sync";
import { volumeOf } from "../volume";
import { blockOf } from "./block";
import { axesOf, FRONT, turnedBy } from "./camera";
import { HU_RANGE, PRESETS, transfer } from "./presets";

describe("the camera", () => {
  it("faces the patient: left at the right, head up, back away", () => {
    const { right, up, into } = axesOf(FRONT);
    expect([right, up, into]).toEqual([[1, 0, 0], [-0, 0, 1], [-0, 1, -0]]);
  });

  it("keeps its axes square and right-handed from anywhere", () => {
    for (let i = 0; i < 40; i++) {
      const { right, up, into } = axesOf({ yaw: i * 37, pitch: ((i * 23) % 180) - 90, zoom: 1 });
      expect(dot(right, up)).toBeCloseTo(0);
      expect(dot(up, into)).toBeCloseTo(0);
      cross(up, right).forEach((part, axis) => expect(part).toBeCloseTo(into[axis] as number));
    }
  });

  it("looks at the patient's left side after a quarter turn, and never tips over", () => {
    expect(axesOf({ yaw: 90, pitch: 0, zoom: 1 }).into[0]).toBeCloseTo(-1);
    expect(turnedBy(FRONT, 0, 10_000).pitch).toBe(90);
  });
});

describe("presets", () => {
  it("show nothing of air, and bone as bright and dense", () => {
    for (const preset of PRESETS) expect(transfer(preset, HU_RANGE, true)[3]).toBe(0);
    const bone = transfer("bone", HU_RANGE, true);
    const place = (hu: number) => Math.round(((hu - HU_RANGE[0]) / (HU_RANGE[1] - HU_RANGE[0])) * 255) * 4;
    expect(bone[place(40) + 3]).toBe(0);
    expect(bone[place(900) + 3]).toBeGreaterThan(120);
  });
});

describe("the block", () => {
  const facts = [0, 2, 6].map((z) => ({ orientation: [1, 0, 0, 0, 1, 0], position: [0, 0, z], rows: 4, columns: 6, spacing: { row_mm: 1, column_mm: 1, status: "patient", calibration: "" }, is_colour: false }) as unknown as Facts);
  const volume = volumeOf(facts);
  if (typeof volume === "string") throw new Error(volume);

  it("has the body's size whatever its slices' spacing, and values between slices", () => {
    const block = blockOf(volume, (slice) => new Int16Array(24).fill(slice * 100), 64, [0, 255]);
    expect(block?.mm).toEqual([6, 4, 6 + volume.gapMm]);
    const [columns, rows, slices] = block?.size ?? [0, 0, 0];
    const through = Array.from({ length: slices }, (_, z) => block?.bytes[z * columns * rows] ?? -1);
    expect(through).toEqual([...through].sort((a, b) => a - b));
    expect(through[0]).toBe(0);
    expect(through.at(-1)).toBe(200);
  });

  it("stands upright where the gantry was tilted", () => {
    const tilted = [0, 2, 4, 6, 8].map((z) => ({ orientation: [1, 0, 0, 0, 1, 0], position: [0, z, z], rows: 20, columns: 4, spacing: { row_mm: 1, column_mm: 1, status: "patient", calibration: "" }, is_colour: false }) as unknown as Facts);
    const sheared = volumeOf(tilted);
    if (typeof sheared === "string") throw new Error(sheared);
    // A wall at y = 12 mm of the patient: in each slice another row.
    const wall = (slice: number) => Int16Array.from({ length: 80 }, (_, i) => (Math.floor(i / 4) + 2 * slice === 12 ? 255 : 0));
    const block = blockOf(sheared, wall, 64, [0, 255]);
    const [columns, rows, slices] = block?.size ?? [0, 0, 0];
    for (let z = 0; z < slices; z++) {
      const column = Array.from({ length: rows }, (_, y) => block?.bytes[(z * rows + y) * columns] ?? -1);
      expect(column.findIndex((value) => value > 100)).toBe(8);
    }
  });

  it("is no larger than asked for, and nothing while no frame is here", () => {
    expect(blockOf(volume, () => new Int16Array(24), 3, null)?.size.every((side) => side <= 3)).toBe(true);
    expect(blockOf(volume, () => null, 64, null)).toBeNull();
  });
});

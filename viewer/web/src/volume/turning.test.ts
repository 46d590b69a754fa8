import { describe, expect, it } from "vitest";
import type { Facts } from "../frames";
import { cross, dot, type Vector } from "../sync";
import { stackOf, turned, volumeOf, type Orientation } from "./space";
import { angleAbout, anglesFor, lookAlong, lookOf } from "./turning";

const facts = (z: number): Facts =>
  ({ orientation: [1, 0, 0, 0, 1, 0], position: [0, 0, z], rows: 20, columns: 20, spacing: { row_mm: 1, column_mm: 1, status: "patient", calibration: "" }, is_colour: false }) as unknown as Facts;
const volume = volumeOf([0, 2, 4, 6].map(facts));
if (typeof volume === "string") throw new Error(volume);

describe("turning planes", () => {
  it("finds the tilt and turn that a stack was made with", () => {
    for (const orientation of ["axial", "coronal", "sagittal"] as Orientation[]) {
      for (const tilt of [-80, -30, 0, 1, 45]) {
        for (const turn of [-60, 0, 20, 75]) {
          const { next } = stackOf(volume, orientation, tilt, turn);
          expect(anglesFor(orientation, next)).toEqual({ tilt, turn });
          // A plane has two normals.
          expect(anglesFor(orientation, [-next[0], -next[1], -next[2]])).toEqual({ tilt, turn });
        }
      }
    }
  });

  it("knows a stack again by the directions of its pictures", () => {
    for (const orientation of ["axial", "coronal", "sagittal"] as Orientation[]) {
      for (const tilt of [-80, -30, 0, 1, 45]) {
        for (const turn of [-60, 0, 20, 75]) {
          const { row, column } = stackOf(volume, orientation, tilt, turn);
          const look = lookOf(row, column);
          const again = stackOf(volume, look.orientation, look.tilt, look.turn);
          expect(dot(again.row, row)).toBeCloseTo(1, 9);
          expect(dot(again.column, column)).toBeCloseTo(1, 9);
          expect(Math.abs(look.tilt) + Math.abs(look.turn)).toBeLessThanOrEqual(Math.abs(tilt) + Math.abs(turn));
          if (Math.abs(tilt) <= 1 && Math.abs(turn) <= 20) expect(look).toEqual({ orientation, tilt, turn });
        }
      }
    }
    expect(lookOf([1, 0, 0], [0, 0, -1])).toEqual({ orientation: "coronal", tilt: 0, turn: 0 });
    expect(lookAlong([0, 0, 1])).toEqual({ orientation: "axial", tilt: 0, turn: 0 });
    expect(lookAlong([-1, 0, 0]).orientation).toBe("sagittal");
  });

  it("points a plane wherever it is wanted, to a degree", () => {
    for (let i = 1; i < 60; i++) {
      const wanted = turned(turned([0, 0, 1], [1, 0, 0], i * 37), [0, 1, 0], i * 53) as Vector;
      const { tilt, turn } = anglesFor("coronal", wanted);
      const { row, column } = stackOf(volume, "coronal", tilt, turn);
      expect(Math.abs(dot(cross(row, column), wanted))).toBeGreaterThan(Math.cos((1.1 * Math.PI) / 180));
    }
  });

  it("tells by how much a line was turned", () => {
    expect(angleAbout([0, 0, 1], [1, 0, 0], [0, 3, 0])).toBeCloseTo(90);
    expect(angleAbout([0, 0, -1], [1, 0, 0], [0, 3, 0])).toBeCloseTo(-90);
  });
});

import { describe, expect, it } from "vitest";
import type { Facts } from "../frames";
import { COLOUR_MAPS, colourOf, painted, tableOf } from "../palettes";
import { measureOf, plainScale, scaleOf } from "./scale";

describe("colour maps", () => {
  it("go from dark to bright", () => {
    expect(colourOf("hot", 0)).toEqual([0, 0, 0]);
    expect(colourOf("hot", 1)).toEqual([255, 255, 255]);
    expect(colourOf("rainbow", 1)).toEqual([128, 0, 0]);
    expect(colourOf("grey", 0.5)).toEqual([128, 128, 128]);
    expect(colourOf("hot", 7)).toEqual(colourOf("hot", 1));
  });

  it("tell any two of sixteen values apart", () => {
    for (const map of COLOUR_MAPS) {
      const seen = Array.from({ length: 16 }, (_, i) => colourOf(map, i / 15).join());
      expect(new Set(seen).size, map).toBe(16);
    }
  });

  it("have a colour for each display value", () => {
    for (const map of COLOUR_MAPS) {
      const table = tableOf(map);
      expect(table.length).toBe(768);
      expect([...table.slice(0, 3)]).toEqual([0, 0, 0]);
      expect([...table.slice(3, 6)]).toEqual(colourOf(map, 1 / 255));
      expect([...table.slice(-3)]).toEqual(colourOf(map, 1));
    }
  });

  it("leave what has no value clear", () => {
    const rgba = painted(new Float32Array([0, -3, 5, NaN, 50]), [0, 10], "hot", 0.5);
    expect([rgba[3], rgba[7], rgba[15]]).toEqual([0, 0, 0]);
    expect([rgba[11], rgba[19]]).toEqual([128, 128]);
  });

  it("begin where they are told to", () => {
    const rgba = painted(new Float32Array([90, 150, 200]), [100, 200], "grey", 1);
    expect([...rgba.slice(0, 4)]).toEqual([0, 0, 0, 0]);
    expect([...rgba.slice(4, 8)]).toEqual([128, 128, 128, 255]);
    expect([...rgba.slice(8)]).toEqual([255, 255, 255, 255]);
  });
});

const plain = { suv_factor: null, real_world: null, rescale: { slope: 1, intercept: 0, unit: "HU" } } as unknown as Facts;
const linear = { kind: "window", window: { center: 100, width: 200, function: "LINEAR_EXACT" } } as const;

describe("the bar of colours", () => {
  it("says the values at its ends and in its middle", () => {
    const scale = scaleOf(plain, linear, false, "hot");
    expect(scale.labels).toEqual(["200", "100", "0"]);
    expect(scale.unit).toBe("HU");
    expect([scale.colours[0], scale.colours.at(-1)]).toEqual(["rgb(0 0 0)", "rgb(255 255 255)"]);
  });

  it("turns its colours with the picture, and never its values", () => {
    const scale = scaleOf(plain, linear, true, "hot");
    expect(scale.labels).toEqual(["200", "100", "0"]);
    expect(scale.colours[0]).toBe("rgb(255 255 255)");
  });

  it("follows a curve", () => {
    const scale = scaleOf(plain, { kind: "window", window: { center: 100, width: 200, function: "SIGMOID" } }, false, "grey");
    // 1 / (1 + exp(2)) at the lower end.
    expect(scale.colours[0]).toBe("rgb(30 30 30)");
    const table = { first: 10, bits: 8, explanation: "", entries: new Uint16Array([0, 255, 0]) };
    const bent = scaleOf(plain, { kind: "table", table }, false, "grey");
    expect(bent.labels).toEqual(["12", "11", "10"]);
    expect(bent.colours[16]).toBe("rgb(255 255 255)");
    expect(bent.colours[32]).toBe("rgb(0 0 0)");
  });

  it("speaks in SUV and in what the object measures", () => {
    const pet = { ...plain, suv_factor: 0.1 } as Facts;
    expect(scaleOf(pet, linear, false, "hot")).toMatchObject({ labels: ["20", "10", "0"], unit: "SUV" });
    const adc = { ...plain, real_world: { slope: 0.00001, intercept: 0.001, unit: "mm2/s", name: "ADC" } } as Facts;
    expect(scaleOf(adc, linear, false, "hot")).toMatchObject({ labels: ["0.003", "0.002", "0.001"], unit: "mm2/s", name: "ADC" });
    expect(measureOf(adc).of(0)).toBe(0.001);
  });

  it("keeps digits that tell small values apart", () => {
    expect(plainScale([0, 0.0021], "hot", "", "").labels).toEqual(["0.0021", "0.00105", "0"]);
    expect(plainScale([0, 8], "hot", "SUV", "").labels).toEqual(["8", "4", "0"]);
  });
});

import { expect, test } from "vitest";
import type { Facts } from "../frames";
import type { PageData, SeriesFacts } from "../page";
import { cornerTexts, scaleWords, spareIn } from "./texts";

const page = {
  patient: { name: "Nguyễn Văn Mẫu", id: "25-1", birth_date: "17/02/1958", sex: "nam" },
  exam: { institution: "Bệnh viện", description: "CLVT ngực", date: "03/11/2025", time: "08:30" },
} as PageData;
const series = { number: 2, description: "Ngực" } as SeriesFacts;
const facts = {
  modality: "CT",
  slice_location: null,
  slice_thickness: 6,
  position: [-10, -20, 147],
  orientation: [1, 0, 0, 0, 1, 0],
  technique: { kvp: 120 },
  words: { model: "Phantom" },
  suv_factor: null,
} as unknown as Facts;

test("little room keeps who, when, which image and which window, and leaves the rest to the picture", () => {
  const voi = { kind: "window", window: { center: 40, width: 400, function: "LINEAR" } } as const;
  const small = cornerTexts(page, series, facts, voi, "1/48", "small");
  expect(small.topLeft).toEqual(["Nguyễn Văn Mẫu", "25-1"]);
  expect(small.topRight).toEqual(["03/11/2025 08:30"]);
  expect(small.bottomLeft).toEqual(["S2 · Ngực", "1/48"]);
  expect(small.bottomRight).toEqual(["W 400  L 40"]);
  const narrow = cornerTexts(page, series, facts, voi, "1/48", "narrow");
  expect(narrow.topRight).toEqual(["CLVT ngực", "03/11/2025 08:30"]);
  expect(narrow.bottomLeft).toEqual(small.bottomLeft);
  const whole = cornerTexts(page, series, facts, voi, "1/48");
  expect(whole.topRight).toEqual(["Bệnh viện", "CLVT ngực", "03/11/2025 08:30", "Phantom"]);
});

test("a place that no attribute states is computed from the image's position", () => {
  expect(cornerTexts(page, series, facts, null, "").bottomLeft[1]).toContain("147.0");
  const stated = { ...facts, slice_location: -3.25 } as Facts;
  expect(cornerTexts(page, series, stated, null, "").bottomLeft[1]).toContain("-3.3");
  const placeless = { ...facts, position: [], orientation: [] } as unknown as Facts;
  expect(cornerTexts(page, series, placeless, null, "").bottomLeft[1]).toBe("thickness 6 mm");
});

test("an angiogram says from which side the detector looks", () => {
  const from = (technique: Record<string, number>) => cornerTexts(page, series, { ...facts, modality: "XA", technique }, null, "").bottomLeft.at(-1);
  expect(from({ primary_angle: 30, secondary_angle: -25, kvp: 74 })).toBe("LAO 30° · CAU 25° · 74 kV");
  expect(from({ primary_angle: -12.5, secondary_angle: 20 })).toBe("RAO 12.5° · CRA 20°");
});

test("cells of a desk and of a phone", () => {
  expect([[1240, 670], [620, 336], [390, 600], [195, 300], [414, 224]].map(([width, height]) => spareIn({ width: width as number, height: height as number }))).toEqual([
    "whole",
    "low",
    "narrow",
    "small",
    "small",
  ]);
});

test.each([
  ["patient", ""],
  ["detector", "at the detector"],
  ["film", "on the film"],
  ["calibrated", "calibrated"],
  ["region", "in the region"],
  ["unknown", ""],
] as const)("a scale that is true of the %s says so beside its bar (PS3.3 10.7)", (status, words) => {
  expect(scaleWords({ spacing: { row_mm: 1, column_mm: 1, status, calibration: "" } } as unknown as Facts)).toBe(words);
});

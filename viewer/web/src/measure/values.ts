/** What a measurement comes to on its picture, and how that reads. Pure but for words. */

import type { Facts, Picture } from "../frames";
import type { Point } from "../placement";
import { numeral, t } from "../words";
import { angle, distance, ellipseArea, linesAngle, polygonArea, scaleAt, type Scale } from "./geometry";
import type { Measurement, Value } from "./model";
import { insideEllipse, insidePolygon, statistics } from "./statistics";

type Shape = Pick<Measurement, "kind" | "points">;

/** Values of lengths, angles and areas, and of the grey inside where `picture` is at hand. */
export function valuesOf(shape: Shape, facts: Facts, picture: Picture | null): Value[] {
  const scale = scaleAt(shape.points, facts);
  const found = plainValues(shape, scale);
  if (!picture || picture.isColour || !isRegion(shape)) return found;
  return [...found, ...greyValues(shape, facts, picture)];
}

/** SUV of kept grey values, where the object allows it. */
export function suvOf(values: Value[], { suv_factor }: Facts): Value[] {
  const names: Record<string, string> = { mean: "suv_mean", maximum: "suv_maximum" };
  return values.flatMap(({ name, value }) => (suv_factor && names[name] ? [{ name: names[name], value: value * suv_factor, unit: "SUVbw" }] : []));
}

export function isRegion({ kind }: Pick<Shape, "kind">): boolean {
  return kind === "ellipse" || kind === "rectangle" || kind === "freehand";
}

function plainValues({ kind, points }: Shape, scale: Scale): Value[] {
  const [a, b, c, d] = points as [Point, Point, Point, Point];
  const length = (name: string, value: number): Value => ({ name, value, unit: scale.isMm ? "mm" : "{pixels}" });
  const area = (value: number): Value => ({ name: "area", value, unit: scale.isMm ? "mm2" : "{pixels}2" });
  switch (kind) {
    case "length":
      return [length("length", distance(a, b, scale))];
    case "angle":
      return [{ name: "angle", value: angle(a, b, c, scale), unit: "deg" }];
    case "cobb":
      return [{ name: "cobb_angle", value: linesAngle([a, b], [c, d], scale), unit: "deg" }];
    case "bidirectional": {
      const [short, long] = [distance(a, b, scale), distance(c, d, scale)].sort((one, other) => one - other) as [number, number];
      return [length("long_axis", long), length("short_axis", short)];
    }
    case "ratio": {
      const heart = distance(a, b, scale);
      const thorax = distance(c, d, scale);
      const widths = [length("heart_width", heart), length("thorax_width", thorax)];
      return thorax ? [{ name: "cardiothoracic_ratio", value: heart / thorax, unit: "1" }, ...widths] : widths;
    }
    case "ellipse":
      return [area(ellipseArea(points, scale))];
    case "rectangle":
    case "freehand":
      return [area(polygonArea(points, scale))];
    default:
      return [];
  }
}

/** The grey values inside a region. */
export function valuesInside(shape: Shape, facts: Facts, picture: Picture): number[] {
  const grid = { values: picture.values, rows: facts.rows, columns: facts.columns, padding: paddingOf(facts) };
  return shape.kind === "ellipse" ? insideEllipse(shape.points, grid) : insidePolygon(shape.points, grid);
}

function paddingOf(facts: Facts): [number, number] | null {
  if (!facts.padding) return null;
  const { slope, intercept } = facts.rescale;
  const ends = facts.padding.map((value) => value * slope + intercept);
  return [Math.min(...ends), Math.max(...ends)];
}

function greyValues(shape: Shape, facts: Facts, picture: Picture): Value[] {
  const found = statistics(valuesInside(shape, facts, picture));
  if (!found) return [];
  const unit = facts.rescale.unit || "1";
  const plain = (["mean", "deviation", "minimum", "maximum"] as const).map((name): Value => ({ name, value: found[name], unit }));
  return [...plain, ...suvOf(plain, facts)];
}

const UNITS: Record<string, string> = { "1": "", deg: "°", "[hnsf'U]": "HU", "{pixels}": "px", "{pixels}2": "px²", mm2: "mm²" };

/** A number with its unit, as it stands beside a shape. */
export function amount({ name, value, unit }: Value): string {
  const digits = unit === "1" && name.endsWith("ratio") ? 2 : unit === "deg" || unit === "mm" ? 1 : Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 1 ? 1 : 3;
  const shown = numeral(value.toFixed(digits));
  const written = UNITS[unit] ?? unit.replace(/[{}]/g, "");
  return written === "°" ? `${shown}°` : `${shown} ${written}`.trim();
}

/** The name of a value in the person's language; another program's own words stay. */
export function valueName(name: string): string {
  const names: Record<string, string> = {
    length: t("Length"),
    angle: t("Angle"),
    cobb_angle: t("Cobb angle"),
    long_axis: t("Long axis"),
    short_axis: t("Short axis"),
    area: t("Area"),
    mean: t("Mean"),
    deviation: t("Standard deviation"),
    minimum: t("Minimum"),
    maximum: t("Maximum"),
    suv_mean: t("Mean SUV"),
    suv_maximum: t("Maximum SUV"),
    cardiothoracic_ratio: t("Cardiothoracic ratio"),
    heart_width: t("Width of the heart"),
    thorax_width: t("Width of the thorax"),
  };
  return names[name] ?? name;
}

/** What lengths are true of, where that is not the patient (PS3.3 10.7). */
function caution(shape: Shape, facts: Facts): string {
  if (["angle", "cobb", "arrow", "text", "other", "ratio"].includes(shape.kind)) return "";
  switch (scaleAt(shape.points, facts).status) {
    case "detector":
    case "film":
      return t("estimated");
    case "unknown":
      return t("no scale in mm");
    default:
      return "";
  }
}

/** The lines beside a shape on the picture. */
export function labelLines(shape: Shape, name: string, values: Value[], facts: Facts): string[] {
  const said = caution(shape, facts);
  const approximately = said === t("estimated") ? "≈ " : "";
  const find = (wanted: string) => values.find((value) => value.name === wanted);
  const lines = isRegion(shape) ? regionLines(values, approximately) : values.slice(0, shape.kind === "ratio" ? 1 : 2).map((value) => lineOf(value, approximately));
  const ratio = shape.kind === "ratio" && find("cardiothoracic_ratio") ? [] : said ? [said] : [];
  return [name, ...lines, ...ratio].filter((line) => line !== "");
}

function lineOf(value: Value, approximately: string): string {
  const short: Record<string, string> = { long_axis: `${t("Long axis")} `, short_axis: `${t("Short axis")} `, cardiothoracic_ratio: `${t("CTR")} `, cobb_angle: "Cobb " };
  return `${approximately}${short[value.name] ?? ""}${amount(value)}`;
}

function regionLines(values: Value[], approximately: string): string[] {
  const find = (name: string) => values.find((value) => value.name === name);
  const [area, mean, deviation, low, high, suv] = ["area", "mean", "deviation", "minimum", "maximum", "suv_maximum"].map(find);
  const lines = area ? [approximately + amount(area)] : [];
  if (mean && deviation) lines.push(`${amount({ ...mean, unit: "1" })} ± ${amount({ ...deviation, unit: mean.unit })}`);
  if (low && high) lines.push(`${amount({ ...low, unit: "1" })} … ${amount({ ...high, unit: "1" })}`);
  if (suv) lines.push(`${t("Maximum SUV")} ${amount({ ...suv, unit: "1" })}`);
  return lines;
}

/** What a bar of colours stands for: the values at its ends and between, and its colours on the way. Pure. */

import type { Facts } from "../frames";
import { curveOf, limitsOf, shortNumber, type Voi } from "../windowing";
import { numeral } from "../words";
import { colourOf, type ColourMap } from "../palettes";

export interface Scale {
  /** Colours from the lowest value to the highest, at even steps. */
  colours: string[];
  /** As people read them, the highest first. */
  labels: string[];
  unit: string;
  /** What is measured, where the object says so. */
  name: string;
}

const STEPS = 32;

/** The bar of an image in colour. */
export function scaleOf(facts: Facts, voi: Voi, isInverse: boolean, map: ColourMap): Scale {
  const [low, high] = endsOf(voi);
  const share = shareOf(voi);
  const colours = evenly(low, high, STEPS).map((value) => css(map, isInverse ? 1 - share(value) : share(value)));
  const measured = measureOf(facts);
  return { colours, labels: labelsOf([high, (low + high) / 2, low].map(measured.of)), unit: measured.unit, name: measured.name };
}

/** The bar of values that are laid over an image, from `least` to `most`. */
export function plainScale([least, most]: [number, number], map: ColourMap, unit: string, name: string): Scale {
  return { colours: evenly(0, 1, STEPS).map((share) => css(map, share)), labels: labelsOf([most, (least + most) / 2, least]), unit, name };
}

/** Modality values as what they measure: SUV, the object's real-world values, else its own. */
export function measureOf(facts: Facts): { of: (value: number) => number; unit: string; name: string } {
  const { suv_factor: factor, real_world: real } = facts;
  if (factor) return { of: (value) => value * factor, unit: "SUV", name: "" };
  if (real) return { of: (value) => value * real.slope + real.intercept, unit: real.unit, name: real.name };
  return { of: (value) => value, unit: facts.rescale.unit, name: "" };
}

function endsOf(voi: Voi): [number, number] {
  if (voi.kind === "table") return [voi.table.first, voi.table.first + Math.max(1, voi.table.entries.length - 1)];
  const { lower, upper } = limitsOf(voi.window);
  return [lower, upper];
}

/** Display values by straight lines between the points of the curve. */
function shareOf(voi: Voi): (value: number) => number {
  const points = curveOf(voi);
  return (value) => {
    const after = points.findIndex(([x]) => x >= value);
    if (after <= 0) return (after < 0 ? points.at(-1) : points[0])?.[1] ?? 0;
    const [[x0, y0], [x1, y1]] = [points[after - 1], points[after]] as [[number, number], [number, number]];
    return x1 > x0 ? y0 + ((y1 - y0) * (value - x0)) / (x1 - x0) : y1;
  };
}

function evenly(low: number, high: number, steps: number): number[] {
  return Array.from({ length: steps + 1 }, (_, i) => low + ((high - low) * i) / steps);
}

function css(map: ColourMap, share: number): string {
  return `rgb(${colourOf(map, share).join(" ")})`;
}

/** With as many digits as tell them apart: -40 and 40, but 0.0007 and 0.0021. */
function labelsOf(values: number[]): string[] {
  const span = Math.abs((values[0] ?? 0) - (values.at(-1) ?? 0)) || 1;
  const digits = Math.min(8, Math.max(0, 2 - Math.floor(Math.log10(span))));
  return values.map((value) => numeral(span >= 20 ? shortNumber(Math.round(value)) : String(Number(value.toFixed(digits)))));
}

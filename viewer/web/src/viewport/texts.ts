/** What stands in the four corners of a picture, by modality. Pure but for words. */

import type { Facts } from "../frames";
import type { PageData, SeriesFacts } from "../page";
import type { Size } from "../placement";
import { numeral, t } from "../words";
import { limitsOf, shortNumber, type Voi } from "../windowing";

export interface Corners {
  topLeft: string[];
  topRight: string[];
  bottomLeft: string[];
  bottomRight: string[];
}

/** How much room a picture has for texts: for all of them, for few or short ones, or only for what is vital. */
export type Spare = "whole" | "low" | "narrow" | "small";

export function spareIn({ width, height }: Size): Spare {
  if (width < 330 || height < 260) return "small";
  if (width < 560) return "narrow";
  return height < 450 ? "low" : "whole";
}

export function cornerTexts(page: PageData, series: SeriesFacts | undefined, facts: Facts | undefined, voi: Voi | null, place: string, spare: Spare = "whole"): Corners {
  const { patient } = page;
  const exam = series?.exam ?? page.exam;
  const words = facts?.words ?? {};
  const born = [patient.birth_date, patient.sex].filter(Boolean).join(" ");
  const taken = `${exam.date} ${exam.time}`.trim();
  const bottomRight = filled([windowText(voi, facts), lossText(facts)]);
  const which = filled([seriesLine(series), place]);
  if (spare === "small") return { topLeft: filled([patient.name, patient.id]), topRight: filled([taken]), bottomLeft: which, bottomRight };
  return {
    topLeft: filled([patient.name, patient.id, born]),
    topRight: filled(spare === "whole" ? [exam.institution, exam.description, taken, words["model"] ?? ""] : [exam.description, taken]),
    bottomLeft: spare === "narrow" ? which : filled([...which, ...geometryLines(facts), ...techniqueLines(facts)]),
    bottomRight,
  };
}

function filled(lines: string[]): string[] {
  return lines.filter((line) => line !== "");
}

function seriesLine(series: SeriesFacts | undefined): string {
  if (!series) return "";
  return [series.number === null ? "" : `S${series.number}`, series.description].filter(Boolean).join(" · ");
}

function geometryLines(facts: Facts | undefined): string[] {
  if (!facts || facts.problem) return [];
  const thickness = facts.slice_thickness ? t("thickness {mm} mm", { mm: numeral(shortNumber(facts.slice_thickness)) }) : "";
  const along = locationOf(facts);
  const location = along === null ? "" : t("position {mm} mm", { mm: numeral(along.toFixed(1)) });
  return [[location, thickness].filter(Boolean).join(" · ")];
}

/** Slice Location as it is stated, else how far along its normal the image lies, as enhanced objects have none. */
function locationOf({ slice_location: stated, position, orientation }: Facts): number | null {
  if (stated !== null) return stated;
  const [a, b, c, d, e, f] = orientation;
  const [x, y, z] = position;
  if (a === undefined || b === undefined || c === undefined || d === undefined || e === undefined || f === undefined) return null;
  if (x === undefined || y === undefined || z === undefined) return null;
  return x * (b * f - c * e) + y * (c * d - a * f) + z * (a * e - b * d);
}

function techniqueLines(facts: Facts | undefined): string[] {
  const technique = facts?.technique ?? {};
  const words = facts?.words ?? {};
  const said = (name: string, text: (value: string) => string) => {
    const value = technique[name];
    return value === undefined ? "" : text(numeral(shortNumber(value)));
  };
  switch (facts?.modality) {
    case "CT":
      return [[said("kvp", (v) => `${v} kV`), said("tube_current", (v) => `${v} mA`), words["kernel"] ?? ""].filter(Boolean).join(" · ")];
    case "MR":
      return [[said("repetition_time", (v) => `TR ${v}`), said("echo_time", (v) => `TE ${v}`), said("magnetic_field_strength", (v) => `${v} T`)].filter(Boolean).join(" · ")];
    case "CR":
    case "DX":
    case "MG":
      return [[laterality(words["image_laterality"]), words["view_position"] ?? "", said("kvp", (v) => `${v} kV`), said("exposure", (v) => `${v} mAs`)].filter(Boolean).join(" · ")];
    case "XA":
    case "RF":
      return [[side(technique["primary_angle"], "LAO", "RAO"), side(technique["secondary_angle"], "CRA", "CAU"), said("kvp", (v) => `${v} kV`)].filter(Boolean).join(" · ")];
    default:
      return [];
  }
}

/** From which side the detector looks at the patient (PS3.3 C.8.7.5): the first name for angles above zero. */
function side(degrees: number | undefined, above: string, below: string): string {
  return degrees === undefined ? "" : `${degrees < 0 ? below : above} ${numeral(shortNumber(Math.abs(degrees)))}°`;
}

/** U means that the part has no sides (PS3.3 C.8.11.7): nothing to tell. */
function laterality(stated: string | undefined): string {
  return stated && stated !== "U" ? stated : "";
}

function windowText(voi: Voi | null, facts: Facts | undefined): string {
  if (!voi) return "";
  const factor = facts?.suv_factor;
  if (factor && voi.kind === "window") {
    const { lower, upper } = limitsOf(voi.window);
    return `SUV ${numeral(shortNumber(Math.round(lower * factor * 10) / 10))} – ${numeral(shortNumber(Math.round(upper * factor * 10) / 10))}`;
  }
  if (voi.kind === "table") return voi.table.explanation || t("own table");
  const { width, center } = voi.window;
  return `W ${numeral(shortNumber(width))}  L ${numeral(shortNumber(center))}`;
}

function lossText(facts: Facts | undefined): string {
  return facts?.lossy ? t("lossy compression") : "";
}

/** What the scale bar may claim (PS3.3 10.7): nothing for the patient, else where the millimetres come from. */
export function scaleWords(facts: Facts): string {
  switch (facts.spacing.status) {
    case "detector":
      return t("at the detector");
    case "film":
      return t("on the film");
    case "calibrated":
      return t("calibrated");
    case "region":
      return t("in the region");
    default:
      return "";
  }
}

/** What stands in the four corners of a picture, by modality. Pure but for words. */

import type { Facts } from "../frames";
import type { PageData, SeriesFacts } from "../page";
import { t } from "../words";
import { limitsOf, shortNumber, type Voi } from "../windowing";

export interface Corners {
  topLeft: string[];
  topRight: string[];
  bottomLeft: string[];
  bottomRight: string[];
}

export function cornerTexts(page: PageData, series: SeriesFacts | undefined, facts: Facts | undefined, voi: Voi | null, place: string): Corners {
  const { patient } = page;
  const exam = series?.exam ?? page.exam;
  const words = facts?.words ?? {};
  return {
    topLeft: filled([patient.name, patient.id, [patient.birth_date, patient.sex].filter(Boolean).join(" ")]),
    topRight: filled([exam.institution, exam.description, `${exam.date} ${exam.time}`.trim(), words["model"] ?? ""]),
    bottomLeft: filled([seriesLine(series), place, ...geometryLines(facts), ...techniqueLines(facts)]),
    bottomRight: filled([windowText(voi, facts), lossText(facts)]),
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
  const thickness = facts.slice_thickness ? t("thickness {mm} mm", { mm: shortNumber(facts.slice_thickness) }) : "";
  const location = facts.slice_location === null ? "" : t("position {mm} mm", { mm: facts.slice_location.toFixed(1) });
  return [[location, thickness].filter(Boolean).join(" · ")];
}

function techniqueLines(facts: Facts | undefined): string[] {
  const technique = facts?.technique ?? {};
  const words = facts?.words ?? {};
  const said = (name: string, text: (value: string) => string) => {
    const value = technique[name];
    return value === undefined ? "" : text(shortNumber(value));
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
    default:
      return [];
  }
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
    return `SUV ${shortNumber(Math.round(lower * factor * 10) / 10)} – ${shortNumber(Math.round(upper * factor * 10) / 10)}`;
  }
  if (voi.kind === "table") return voi.table.explanation || t("own table");
  const { width, center } = voi.window;
  return `W ${shortNumber(width)}  L ${shortNumber(center)}`;
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

/** What planes and slabs are called. */

import { t } from "../words";
import type { Projection, Slab } from "./reslice";
import type { Orientation } from "./space";
import type { Look } from "./turning";

function orientationNames(): Record<Orientation, string> {
  return { axial: t("Axial"), coronal: t("Coronal"), sagittal: t("Sagittal") };
}

/** Which planes these are: `MPR Coronal · oblique 20°/0° · MIP 10 mm`. */
export function planeWords({ orientation, tilt, turn }: Look, slab: Slab): string {
  const projections: Record<Projection, string> = { maximum: "MIP", minimum: "MinIP", mean: t("Average") };
  const angles = tilt || turn ? ` · ${t("oblique")} ${tilt}°/${turn}°` : "";
  return `MPR ${orientationNames()[orientation]}${angles}${slab.mm ? ` · ${projections[slab.projection]} ${slab.mm} mm` : ""}`;
}

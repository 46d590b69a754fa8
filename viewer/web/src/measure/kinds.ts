/** What each kind is called and which icon it has. */

import { t } from "../words";
import type { Kind } from "./model";

export function kindNames(): Record<Kind, string> {
  return {
    length: t("Length"),
    angle: t("Angle"),
    cobb: t("Cobb angle"),
    bidirectional: t("Two diameters"),
    ellipse: t("Ellipse"),
    rectangle: t("Rectangle"),
    freehand: t("Freehand region"),
    ratio: t("Cardiothoracic ratio"),
    arrow: t("Arrow"),
    text: t("Text"),
  };
}

/** How to draw one, in one sentence. */
export function kindHints(): Partial<Record<Kind, string>> {
  return {
    angle: t("Drag the first arm, then set the end of the second."),
    cobb: t("Drag a line along each of the two end plates."),
    ratio: t("Drag the greatest width of the heart, then the inner width of the thorax."),
    freehand: t("Draw around the region."),
    bidirectional: t("Drag the longest diameter; the other one stands across it and can be moved."),
  };
}

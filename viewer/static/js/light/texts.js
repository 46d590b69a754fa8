// @ts-check
/** What is said around the picture: the four corners, the window fields, and the same facts as attributes. */

import { numeral, t } from "../words.js";
import { centerField, data, element, widthField } from "./page.js";
import { state, viewport } from "./state.js";

/** @typedef {import("./windowing.js").Window} Window */

export function describe() {
  const { stack, shown, shownAt, effect, chosen } = state;
  if (!stack) return;
  element.dataset.slicesTotal = String(stack.total);
  element.dataset.slice = String(shownAt + 1);
  const window = shown && typeof effect === "object" ? effect : null;
  const wished = chosen ?? window;
  element.dataset.windowCenter = window ? String(window.center) : "";
  element.dataset.windowWidth = window ? String(window.width) : "";
  if (document.activeElement !== centerField) centerField.value = wished ? String(wished.center) : "";
  if (document.activeElement !== widthField) widthField.value = wished ? String(wished.width) : "";
  viewport.corner("top-left", data.patient);
  viewport.corner("top-right", data.exam);
  viewport.corner("bottom-left", seriesLines(stack));
  viewport.corner("bottom-right", [
    state.probeText,
    shown?.facts?.lossy ? t("Lossy compressed") : "",
    state.inverted ? t("inverted") : "",
    t("Zoom {percent}%", { percent: Math.round(viewport.placement.zoom * 100) }),
    windowLine(window),
  ]);
}

/** @param {import("./stack.js").Stack} stack */
function seriesLines({ series, total }) {
  return [
    [series.modality, series.number === null ? "" : `#${series.number}`].join(" "),
    series.description,
    t("Image {i}/{n}", { i: state.shownAt + 1, n: total }),
    ...sliceLines(state.shown?.facts ?? null),
  ];
}

/** @param {import("./stack.js").FrameFacts | null} facts */
function sliceLines(facts) {
  const location = facts?.slice_location ?? null;
  return [
    location === null ? "" : t("Location {mm} mm", { mm: numeral(location.toFixed(1)) }),
    facts?.slice_thickness ? t("Thickness {mm} mm", { mm: numeral(String(facts.slice_thickness)) }) : "",
  ];
}

/** @param {Window | null} window */
function windowLine(window) {
  if (window) return `W ${numeral(String(window.width))}  L ${numeral(String(window.center))}`;
  return state.effect === "table" ? t("Window: the object's table") : "";
}

// @ts-check
/** The strip of series, and opening one of them. */

import { seriesCard } from "../series_cards.js";
import { t } from "../words.js";
import { showDocuments } from "./documents.js";
import { setRate } from "./moving.js";
import { data, documentPanel, element, playButton, slider, strip } from "./page.js";
import { clearPicture, update } from "./pictures.js";
import { Stack } from "./stack.js";
import { cine, state, viewport } from "./state.js";
import { describe } from "./texts.js";
import { pressed } from "./toolbar.js";
import { fillPresets } from "./window_controls.js";

/** @typedef {import("../series_cards.js").SeriesFacts} SeriesFacts */

/**
 * @param {SeriesFacts} series
 * @param {number} position from 0
 */
async function openSeries(series, position = 0) {
  cine.stop();
  const stack = new Stack(data.study, series);
  Object.assign(state, { stack, position: Math.min(Math.max(position, 0), Math.max(series.frames - 1, 0)), chosen: null, inverted: false, probeText: "" });
  clearPicture();
  markCard(series);
  prepareControls(series);
  if (series.frames === 0) {
    await showDocuments(series);
    return;
  }
  viewport.say(t("Loading…"));
  await update();
  fillPresets();
  setRate(stack.entries.get(state.position)?.facts?.cine.frames_per_second);
  describe();
}

/** @param {SeriesFacts} series */
function markCard(series) {
  for (const card of strip.querySelectorAll(".series-card")) {
    const is = card instanceof HTMLElement && card.dataset.series === series.uid;
    card.toggleAttribute("aria-current", is);
    if (is) card.scrollIntoView({ block: "nearest", inline: "nearest" });
  }
}

/** @param {SeriesFacts} series */
function prepareControls(series) {
  const isDocument = series.frames === 0;
  document.body.classList.toggle("reading", isDocument);
  documentPanel.hidden = !isDocument;
  slider.max = String(Math.max(series.frames, 1));
  slider.hidden = series.frames < 2;
  playButton.disabled = series.frames < 2;
  element.dataset.slicesTotal = String(series.frames);
  pressed("invert", false);
}

/**
 * Open a series that the person chose; the address says which, so that it can be passed on.
 * @param {SeriesFacts} series
 */
function chooseSeries(series) {
  const address = new URL(location.href);
  address.searchParams.set("series", series.uid);
  address.searchParams.delete("image");
  history.replaceState(null, "", address);
  openSeries(series);
}

/** @param {number} step */
export function otherSeries(step) {
  const at = data.series.findIndex((series) => series.uid === state.stack?.series.uid);
  const next = data.series[at + step];
  if (next) chooseSeries(next);
}

/** Fill the strip and open the series and the image (from 1) that the address names, else the first with images. */
export function startSeries() {
  for (const series of data.series) {
    const card = seriesCard(series, "button");
    card.addEventListener("click", () => chooseSeries(series));
    strip.append(card);
  }
  const asked = new URL(location.href).searchParams;
  const named = data.series.find((series) => series.uid === asked.get("series"));
  const first = named ?? data.series.find((series) => series.frames > 0) ?? data.series[0];
  if (first) openSeries(first, Math.trunc(Number(asked.get("image") ?? 1)) - 1 || 0);
  else viewport.say(t("This study holds nothing that can be shown."));
}

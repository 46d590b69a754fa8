// @ts-check
/** The light view: puts stack, images, viewport, gestures and controls together. */

import { fetchJson, seriesCard, wordsOf } from "../series_cards.js";
import { t } from "../words.js";
import { Cine, RATE_DEFAULT, limitedRate } from "./cine.js";
import { flippedAcross, flippedDown, rotated, wholePicture } from "./geometry.js";
import { listen } from "./gestures.js";
import { Images } from "./images.js";
import { Stack } from "./stack.js";
import { Viewport } from "./viewport.js";
import { dragged, startingWindow, tidy, typedNumber } from "./windowing.js";

/** @typedef {import("./gestures.js").Tool} Tool */
/** @typedef {import("./windowing.js").Window} Window */
/** @typedef {import("./windowing.js").Preset} Preset */
/** @typedef {import("./stack.js").FrameEntry} FrameEntry */
/** @typedef {import("../series_cards.js").SeriesFacts} SeriesFacts */

/**
 * @typedef {object} PageData
 * @property {string} study
 * @property {string[]} patient lines of the top left corner
 * @property {string[]} exam lines of the top right corner
 * @property {SeriesFacts[]} series
 * @property {Preset[]} ct_presets
 */

/** How long nothing moves before the exact image replaces the quick one. */
const SETTLED_MS = 180;
/** Longer sides that are asked for, so that nearby sizes share what is kept. */
const SIDES = [512, 768, 1024, 1536, 2048, 3072, 4096];
/** Above so many pixels the exact image is a fine JPEG: a PNG of a whole radiograph takes a phone too long. */
const PNG_PIXELS_MAX = 1_600_000;
const AHEAD = 6;
const BEHIND = 2;
const CINE_AHEAD = 24;

/**
 * @template {HTMLElement} E
 * @param {string} id
 * @param {new () => E} kind
 * @returns {E}
 */
function must(id, kind) {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`the page has no #${id}`);
  return found;
}

const data = /** @type {PageData} */ (JSON.parse(must("page-data", HTMLElement).textContent ?? "{}"));
const element = must("viewport", HTMLElement);
const strip = must("strip", HTMLElement);
const slider = must("slider", HTMLInputElement);
const centerField = must("center", HTMLInputElement);
const widthField = must("width", HTMLInputElement);
const presetMenu = must("presets", HTMLSelectElement);
const rateField = must("rate", HTMLInputElement);
const playButton = must("play", HTMLButtonElement);
const documentPanel = must("document", HTMLElement);
const help = must("help", HTMLDialogElement);

const viewport = new Viewport(element);
const images = new Images();
const cine = new Cine(advance);

/** @type {Stack | null} */
let stack = null;
let position = 0;
let direction = 1;
/** @type {Tool | null} null: what suits the device best */
let tool = null;
/** The window that the person chose; null shows the object's own. @type {Window | null} */
let chosen = null;
/** @type {Window | "none" | "table"} */
let effect = "none";
let inverted = false;
/** The entry whose picture is on the screen. @type {FrameEntry | null} */
let shown = null;
/** Its position: what is said around the picture is always about the picture, not about the one on its way. */
let shownAt = 0;
let settling = 0;
/** @type {Window} */
let dragStart = { center: 0, width: 1 };
let dragPosition = 0;
/** @type {{ x: number, y: number } | null} */
let pointer = null;
let probeText = "";

// --- asking for images ---------------------------------------------------------------------------------------------

/**
 * Return the address of a frame as it is to look now.
 * @param {FrameEntry} entry
 * @param {boolean} exact
 */
function addressOf(entry, exact) {
  const query = new URLSearchParams();
  if (chosen) {
    query.set("center", String(chosen.center));
    query.set("width", String(chosen.width));
    if (chosen.function && chosen.function !== "LINEAR") query.set("function", chosen.function);
  }
  if (inverted) query.set("invert", "1");
  const facts = entry.facts;
  const wanted = viewport.pixelsWanted;
  const side = SIDES.find((candidate) => candidate >= wanted);
  const longer = facts ? Math.max(facts.rows, facts.columns) : 0;
  const isCut = side !== undefined && longer > side;
  if (isCut) query.set("side", String(side));
  const pixels = facts ? facts.rows * facts.columns * (isCut && side ? (side / longer) ** 2 : 1) : 0;
  if (!exact) query.set("quality", "85");
  else if (pixels <= PNG_PIXELS_MAX) query.set("format", "png");
  else query.set("quality", "95");
  return /** @type {Stack} */ (stack).imageAddress(entry, query);
}

/** Ask for what is to be on the screen now: the exact image if it is here, else a quick one and the exact one later. */
async function update() {
  const asked = stack;
  const at = position;
  if (!asked || asked.total === 0) return;
  slider.value = String(at + 1);
  slider.setAttribute("aria-valuetext", t("image {i} of {n}", { i: at + 1, n: asked.total }));
  clearTimeout(settling);
  let entry;
  try {
    entry = await asked.entry(at);
  } catch (error) {
    if (stack === asked && position === at) fail(error instanceof Error ? error.message : String(error), at);
    return;
  }
  if (stack !== asked || position !== at) return;
  if (!entry.facts) {
    fail([t("This image cannot be shown."), entry.problem].filter(Boolean).join(" "), at);
    return;
  }
  const exact = addressOf(entry, true);
  if (images.has(exact)) request(entry, exact, true);
  else {
    request(entry, addressOf(entry, false), false);
    settling = setTimeout(() => settle(entry), SETTLED_MS);
  }
  prefetch();
}

/** @param {FrameEntry} entry */
function settle(entry) {
  if (cine.playing || !stack || stack.entries.get(position) !== entry) return;
  request(entry, addressOf(entry, true), true);
}

/**
 * @param {FrameEntry} entry
 * @param {string} address
 * @param {boolean} exact
 */
function request(entry, address, exact) {
  const asked = stack;
  const at = position;
  images.want({
    address,
    shown: (picture) => {
      if (stack !== asked || !entry.facts) return;
      shown = entry;
      shownAt = at;
      effect = picture.effect;
      element.dataset.quality = exact ? "exact" : "quick";
      viewport.show(picture.bitmap, entry.facts);
      describe();
    },
    failed: (words) => {
      if (stack === asked) fail(words, at);
    },
  });
}

/**
 * Say why there is no picture at a position.
 * @param {string} words
 * @param {number} at
 */
function fail(words, at) {
  shown = null;
  shownAt = at;
  cine.stop();
  showPlaying();
  viewport.bitmap = null;
  viewport.rendered += 1;
  viewport.draw();
  viewport.say(words);
  describe();
}

/** Fetch neighbours, mostly ahead in the direction of travel; while the window changes there is nothing to foresee. */
function prefetch() {
  const asked = stack;
  if (!asked) return;
  const ahead = cine.playing ? CINE_AHEAD : AHEAD;
  const steps = [...Array(ahead).keys()].map((i) => (i + 1) * direction);
  const back = cine.playing ? [] : [...Array(BEHIND).keys()].map((i) => -(i + 1) * direction);
  const addresses = [];
  for (const step of [...steps, ...back]) {
    const at = cine.playing ? (position + step + asked.total) % asked.total : position + step;
    asked.prefetch(at);
    const entry = asked.entries.get(at);
    if (entry?.facts && !images.has(addressOf(entry, true))) addresses.push(addressOf(entry, false));
  }
  images.prefetch(addresses);
}

// --- what is said around the picture ---------------------------------------------------------------------------------

function describe() {
  if (!stack) return;
  const facts = shown?.facts ?? null;
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
  const { series } = stack;
  viewport.corner("bottom-left", [
    [series.modality, series.number === null ? "" : `#${series.number}`].join(" "),
    series.description,
    t("Image {i}/{n}", { i: shownAt + 1, n: stack.total }),
    ...sliceLines(facts),
  ]);
  viewport.corner("bottom-right", [
    probeText,
    facts?.lossy ? t("Lossy compressed") : "",
    inverted ? t("inverted") : "",
    t("Zoom {percent}%", { percent: Math.round(viewport.placement.zoom * 100) }),
    windowLine(window),
  ]);
}

/** @param {import("./stack.js").FrameFacts | null} facts */
function sliceLines(facts) {
  const location = facts?.slice_location ?? null;
  return [
    location === null ? "" : t("Location {mm} mm", { mm: location.toFixed(1) }),
    facts?.slice_thickness ? t("Thickness {mm} mm", { mm: facts.slice_thickness }) : "",
  ];
}

/** @param {Window | null} window */
function windowLine(window) {
  if (window) return `W ${window.width}  L ${window.center}`;
  return effect === "table" ? t("Window: the object's table") : "";
}

// --- the window ------------------------------------------------------------------------------------------------------

/** @param {Window | null} window null for the object's own */
function setWindow(window) {
  chosen = window ? tidy(window) : null;
  if (!chosen) presetMenu.value = "own:0";
  describe();
  update();
}

/** The window to change from. @returns {Window} */
function presentWindow() {
  if (chosen) return chosen;
  if (typeof effect === "object") return effect;
  return startingWindow(effect, shown?.facts?.bits_stored ?? 12);
}

function typed() {
  const center = typedNumber(centerField.value);
  const width = typedNumber(widthField.value);
  const wrong = center === null || width === null || width <= 0;
  centerField.setAttribute("aria-invalid", String(center === null));
  widthField.setAttribute("aria-invalid", String(width === null || width <= 0));
  if (!wrong) {
    presetMenu.value = "";
    setWindow({ ...presentWindow(), center, width });
  }
}

/** Fill the menu: the object's own windows first, then those known by name where values are in HU. */
function fillPresets() {
  const facts = stack?.entries.get(position)?.facts;
  const options = [];
  const own = facts?.windows ?? [];
  options.push(new Option(own[0]?.explanation ? t("Original: {name}", { name: own[0].explanation }) : t("Original"), "own:0"));
  own.slice(1).forEach((window, i) => options.push(new Option(window.explanation || `W ${window.width} L ${window.center}`, `own:${i + 1}`)));
  ctPresets().forEach((preset, i) => options.push(new Option(`${i + 1}  ${preset.name}`, `ct:${i}`)));
  const custom = new Option("—", "");
  custom.hidden = true;
  presetMenu.replaceChildren(custom, ...options);
  presetMenu.value = chosen ? "" : "own:0";
}

/** @returns {Preset[]} */
function ctPresets() {
  return stack?.series.modality === "CT" ? data.ct_presets : [];
}

/** @param {string} value */
function choosePreset(value) {
  const [kind, number] = value.split(":");
  const own = stack?.entries.get(position)?.facts?.windows ?? [];
  const window = kind === "ct" ? ctPresets()[Number(number)] : Number(number) > 0 ? own[Number(number)] : null;
  if (window === undefined) return;
  setWindow(window ? { center: window.center, width: window.width, function: window.function } : null);
  presetMenu.value = value;
}

// --- moving through the stack ----------------------------------------------------------------------------------------

/** @param {number} wanted position from 0 */
function go(wanted) {
  if (!stack || !stack.total) return;
  const next = Math.min(Math.max(wanted, 0), stack.total - 1);
  if (next === position) return;
  direction = next > position ? 1 : -1;
  position = next;
  probeText = "";
  update().then(probe);
}

/** Show the next image of a cine if it is here; called by the clock. */
function advance() {
  if (!stack || stack.total < 2) return false;
  const next = (position + 1) % stack.total;
  const entry = stack.entries.get(next);
  if (!entry?.facts) {
    stack.prefetch(next);
    return false;
  }
  const ready = [addressOf(entry, true), addressOf(entry, false)].find((address) => images.has(address));
  if (!ready) {
    if (!images.ahead.length && !images.aheadRunning.size) prefetch();
    return false;
  }
  direction = 1;
  position = next;
  slider.value = String(next + 1);
  request(entry, ready, false);
  if (next % 8 === 0 || images.ahead.length === 0) prefetch();
  return true;
}

/** @param {boolean} wanted */
function play(wanted) {
  if (wanted && stack && stack.total > 1) {
    cine.start();
    prefetch();
  } else {
    cine.stop();
    update();
  }
  showPlaying();
}

function showPlaying() {
  playButton.setAttribute("aria-pressed", String(cine.playing));
  playButton.querySelector("use")?.setAttribute("href", cine.playing ? "#i-pause" : "#i-play");
}

// --- series and documents --------------------------------------------------------------------------------------------

/** @param {SeriesFacts} series */
async function openSeries(series) {
  cine.stop();
  showPlaying();
  stack = new Stack(data.study, series);
  position = 0;
  shownAt = 0;
  chosen = null;
  inverted = false;
  shown = null;
  effect = "none";
  probeText = "";
  viewport.clear();
  for (const card of strip.querySelectorAll(".series-card")) {
    const is = card instanceof HTMLElement && card.dataset.series === series.uid;
    card.toggleAttribute("aria-current", is);
    if (is) card.scrollIntoView({ block: "nearest", inline: "nearest" });
  }
  const isDocument = series.frames === 0;
  document.body.classList.toggle("reading", isDocument);
  documentPanel.hidden = !isDocument;
  slider.max = String(Math.max(series.frames, 1));
  slider.hidden = series.frames < 2;
  playButton.disabled = series.frames < 2;
  element.dataset.slicesTotal = String(series.frames);
  pressed("invert", false);
  if (isDocument) {
    await showDocuments(series);
    return;
  }
  viewport.say(t("Loading…"));
  await update();
  fillPresets();
  const rate = stack.entries.get(0)?.facts?.cine.frames_per_second;
  cine.rate = limitedRate(rate || RATE_DEFAULT);
  rateField.value = String(Math.round(cine.rate * 10) / 10);
  describe();
}

/**
 * Open a series that the person chose; the address says which, so that it can be passed on.
 * @param {SeriesFacts} series
 */
function chooseSeries(series) {
  const address = new URL(location.href);
  address.searchParams.set("series", series.uid);
  history.replaceState(null, "", address);
  openSeries(series);
}

/** @param {SeriesFacts} series */
async function showDocuments(series) {
  documentPanel.textContent = t("Loading…");
  try {
    const told = await fetchJson(`/study/${data.study}/series/${series.uid}/documents`);
    const pieces = [];
    for (const one of told.documents) {
      const answer = await fetch(one.page, { headers: { Accept: "text/html" } });
      const holder = document.createElement("section");
      // Made by our own template, which escapes every value of the object.
      if (answer.ok) holder.innerHTML = await answer.text();
      else holder.textContent = await wordsOf(answer);
      pieces.push(holder);
      if (pieces.length === 20) break;
    }
    documentPanel.replaceChildren(...pieces);
    if (!pieces.length) documentPanel.textContent = t("This series holds nothing that can be shown.");
  } catch (error) {
    documentPanel.textContent = error instanceof Error ? error.message : String(error);
  }
}

/** @param {number} step */
function otherSeries(step) {
  const at = data.series.findIndex((series) => series.uid === stack?.series.uid);
  const next = data.series[at + step];
  if (next) chooseSeries(next);
}

// --- the value under the pointer -------------------------------------------------------------------------------------

let probing = false;

/** Ask for the value under the pointer; one question at a time, the last place wins. */
async function probe() {
  if (probing || !pointer || !stack || !shown || cine.playing) return;
  const at = viewport.pixelAt(pointer);
  if (!at) {
    probeText = "";
    describe();
    return;
  }
  probing = true;
  const asked = pointer;
  const entry = shown;
  try {
    const told = await fetchJson(stack.valueAddress(entry, at.row, at.column));
    if (entry === shown) probeText = `(${at.column}, ${at.row})  ${valueWords(told)}`;
  } catch (error) {
    probeText = error instanceof Error ? error.message : String(error);
  } finally {
    probing = false;
    describe();
    if (pointer && pointer !== asked) probe();
  }
}

/** @param {{ stored: number | number[], value: number | null, unit: string, is_padding: boolean }} told */
function valueWords(told) {
  if (Array.isArray(told.stored)) return `RGB ${told.stored.join(" ")}`;
  if (told.is_padding) return t("no image here");
  if (told.value === null || (told.value === told.stored && !told.unit)) return String(told.stored);
  const value = `${Math.round(told.value * 100) / 100} ${told.unit}`.trim();
  return told.value === told.stored ? value : `${value} (${told.stored})`;
}

// --- gestures --------------------------------------------------------------------------------------------------------

listen(element, {
  tool: (touch) => tool ?? (touch ? "scroll" : "window"),
  began: () => {
    dragStart = presentWindow();
    dragPosition = position;
  },
  dragged: (with_, dx, dy, moved) => {
    if (with_ === "window") {
      presetMenu.value = "";
      setWindow(dragged(dragStart, dx, dy, Math.max(viewport.box.width, viewport.box.height) * 0.6));
    } else if (with_ === "scroll") {
      const total = stack?.total ?? 1;
      const step = Math.max(6, Math.min(24, viewport.box.height / total));
      go(dragPosition + Math.round(dy / step));
    } else if (with_ === "zoom") {
      viewport.zoom(Math.exp(-moved.y / 150));
      zoomed();
    } else viewport.pan(moved);
  },
  ended: () => describe(),
  pinched: (factor, middle, moved) => {
    viewport.zoom(factor, middle);
    viewport.pan(moved);
    zoomed();
  },
  wheeled: (steps) => go(position + steps),
  zoomed: (factor, at) => {
    viewport.zoom(factor, at);
    zoomed();
  },
  pointed: (at) => {
    pointer = at;
    if (at) probe();
    else {
      probeText = "";
      describe();
    }
  },
  doubled: () => fit(),
});

/** After zooming in, more of a large picture can be seen than was sent. */
function zoomed() {
  describe();
  update();
}

function fit() {
  viewport.place((placement) => ({ ...placement, zoom: 1, pan: { x: 0, y: 0 } }));
  zoomed();
}

function reset() {
  viewport.place(() => wholePicture());
  inverted = false;
  pressed("invert", false);
  setWindow(null);
}

/** @param {(pose: import("./geometry.js").Pose) => import("./geometry.js").Pose} change */
function turn(change) {
  viewport.place((placement) => ({ ...placement, pose: change(placement.pose) }));
  describe();
}

function invert() {
  inverted = !inverted;
  pressed("invert", inverted);
  update();
}

/**
 * @param {string} action
 * @param {boolean} is
 */
function pressed(action, is) {
  document.querySelector(`[data-action="${action}"]`)?.setAttribute("aria-pressed", String(is));
}

/** @param {Tool | null} wanted null for what suits the device best */
function choose(wanted) {
  tool = wanted;
  const active = tool ?? (matchMedia("(pointer: coarse)").matches ? "scroll" : "window");
  for (const button of document.querySelectorAll("[data-tool]")) {
    button.setAttribute("aria-pressed", String(button instanceof HTMLElement && button.dataset.tool === active));
  }
}

async function fullScreen() {
  if (document.fullscreenElement) await document.exitFullscreen();
  else if (document.documentElement.requestFullscreen) await document.documentElement.requestFullscreen();
}

/** @type {Record<string, () => unknown>} */
const ACTIONS = {
  invert,
  "rotate-left": () => turn((pose) => rotated(pose, -90)),
  "rotate-right": () => turn((pose) => rotated(pose, 90)),
  "flip-across": () => turn(flippedAcross),
  "flip-down": () => turn(flippedDown),
  fit,
  reset,
  play: () => play(!cine.playing),
  full: fullScreen,
  help: () => help.showModal(),
};

document.addEventListener("click", (event) => {
  const target = /** @type {Element} */ (event.target);
  const button = /** @type {HTMLElement | null} */ (target.closest("[data-action], [data-tool]"));
  if (button?.dataset.action) ACTIONS[button.dataset.action]?.();
  if (button?.dataset.tool) choose(/** @type {Tool} */ (button.dataset.tool));
});

// --- keyboard --------------------------------------------------------------------------------------------------------

/** @type {Record<string, () => unknown>} */
const KEYS = {
  ArrowUp: () => go(position - 1),
  ArrowLeft: () => go(position - 1),
  ArrowDown: () => go(position + 1),
  ArrowRight: () => go(position + 1),
  PageUp: () => go(position - 10),
  PageDown: () => go(position + 10),
  Home: () => go(0),
  End: () => go((stack?.total ?? 1) - 1),
  "[": () => otherSeries(-1),
  "]": () => otherSeries(1),
  " ": () => play(!cine.playing),
  i: invert,
  r: ACTIONS["rotate-right"],
  R: ACTIONS["rotate-left"],
  h: ACTIONS["flip-across"],
  v: ACTIONS["flip-down"],
  f: fit,
  F: fullScreen,
  0: reset,
  "+": () => zoomBy(1.25),
  "=": () => zoomBy(1.25),
  "-": () => zoomBy(0.8),
  w: () => choose("window"),
  s: () => choose("scroll"),
  z: () => choose("zoom"),
  p: () => choose("pan"),
  "?": ACTIONS.help,
};

/** @param {number} factor */
function zoomBy(factor) {
  viewport.zoom(factor);
  zoomed();
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || help.open) return;
  const target = /** @type {Element} */ (event.target);
  if (target.matches("input:not([type=range]), select")) {
    if (event.key === "Escape" || (event.key === "Enter" && target instanceof HTMLElement)) element.focus();
    return;
  }
  if (event.key === " " && target.matches("button")) return;
  const preset = /^[1-9]$/.test(event.key) ? ctPresets()[Number(event.key) - 1] : undefined;
  const action = preset ? () => choosePreset(`ct:${Number(event.key) - 1}`) : KEYS[event.key];
  if (!action) return;
  event.preventDefault();
  action();
});

// --- controls --------------------------------------------------------------------------------------------------------

slider.addEventListener("input", () => go(Number(slider.value) - 1));
centerField.addEventListener("change", typed);
widthField.addEventListener("change", typed);
presetMenu.addEventListener("change", () => {
  choosePreset(presetMenu.value);
  element.focus();
});
rateField.addEventListener("change", () => {
  cine.rate = limitedRate(typedNumber(rateField.value) ?? RATE_DEFAULT);
  rateField.value = String(cine.rate);
});
viewport.onResize = () => update();

for (const series of data.series) {
  const card = seriesCard(series, "button");
  card.addEventListener("click", () => chooseSeries(series));
  strip.append(card);
}
const asked = new URL(location.href).searchParams.get("series");
const first = data.series.find((series) => series.uid === asked) ?? data.series.find((series) => series.frames > 0) ?? data.series[0];
if (first) openSeries(first);
else viewport.say(t("This study holds nothing that can be shown."));
choose(null);
element.focus({ preventScroll: true });

// @ts-check
/** The study list: keyboard, series of a row, search while typing, live updates. */

import { fetchJson, seriesCard } from "./series_cards.js";
import { t } from "./words.js";

const TYPING_MS = 250;
/** At most one refresh of the rows in this time, however much arrives. */
const REFRESH_MS = 700;

const rows = must("rows");
const searchForm = /** @type {HTMLFormElement} */ (must("search"));
const searchBox = /** @type {HTMLInputElement} */ (must("q"));
const live = must("live");
const help = /** @type {HTMLDialogElement} */ (must("help"));

/** @param {string} id */
function must(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no #${id}`);
  return found;
}

/** @returns {HTMLElement[]} */
function studyRows() {
  return [...rows.querySelectorAll(/** @type {"tr"} */ ("tr.study"))];
}

/**
 * @param {string} uid
 * @returns {HTMLElement | null}
 */
function rowOf(uid) {
  return rows.querySelector(`tr.study[data-uid="${CSS.escape(uid)}"]`);
}

// --- one row -------------------------------------------------------------------------------------------------------

/** @param {HTMLElement} row */
function open(row) {
  const link = row.querySelector("a");
  if (link) location.assign(link.href);
}

/**
 * Show the series under a row, or hide them.
 * @param {HTMLElement} row
 * @param {boolean} wanted
 */
async function expand(row, wanted) {
  const button = row.querySelector(".expand");
  const below = row.nextElementSibling;
  if (below?.classList.contains("series-row")) below.remove();
  row.classList.toggle("open", wanted);
  button?.setAttribute("aria-expanded", String(wanted));
  if (!wanted) return;
  const holder = document.createElement("tr");
  holder.className = "series-row";
  const cell = document.createElement("td");
  cell.colSpan = row.children.length;
  cell.textContent = t("Loading…");
  holder.append(cell);
  row.after(holder);
  const address = `/study/${row.dataset.uid}`;
  try {
    const told = await fetchJson(`${address}/series`);
    const list = document.createElement("div");
    list.className = "series-cards";
    for (const series of told.series) {
      const card = /** @type {HTMLAnchorElement} */ (seriesCard(series, "a"));
      card.href = `${address}?series=${encodeURIComponent(series.uid)}`;
      list.append(card);
    }
    cell.replaceChildren(list);
    const send = rows.dataset.send;
    if (send) cell.append(sendLink(send + encodeURIComponent(row.dataset.uid ?? "")));
  } catch (error) {
    cell.textContent = error instanceof Error ? error.message : String(error);
  }
}

/**
 * @param {string} address
 * @returns {HTMLElement}
 */
function sendLink(address) {
  const link = document.createElement("a");
  link.className = "button send";
  link.href = address;
  link.textContent = t("Send to…");
  return link;
}

rows.addEventListener("click", (event) => {
  const target = /** @type {Element} */ (event.target);
  const row = /** @type {HTMLElement | null} */ (target.closest("tr.study"));
  const expander = target.closest(".expand");
  if (row && expander) expand(row, expander.getAttribute("aria-expanded") !== "true");
});

rows.addEventListener("dblclick", (event) => {
  const target = /** @type {Element} */ (event.target);
  const row = /** @type {HTMLElement | null} */ (target.closest("tr.study"));
  if (row && !target.closest("a, button")) open(row);
});

// --- keyboard ------------------------------------------------------------------------------------------------------

/** @param {number} step */
function move(step) {
  const all = studyRows();
  const at = all.indexOf(/** @type {HTMLElement} */ (document.activeElement));
  const next = at < 0 ? (step > 0 ? 0 : all.length - 1) : Math.min(Math.max(at + step, 0), all.length - 1);
  all[next]?.focus();
  all[next]?.scrollIntoView({ block: "nearest" });
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || help.open) return;
  const active = /** @type {HTMLElement | null} */ (document.activeElement);
  if (active?.matches("input")) {
    if (event.key === "Escape") active.blur();
    if (event.key === "ArrowDown" && active === searchBox) act(event, () => move(1));
    return;
  }
  const row = active?.matches("tr.study") ? active : null;
  if (event.key === "/") act(event, () => searchBox.select());
  else if (event.key === "?") act(event, () => help.showModal());
  else if (event.key === "ArrowDown") act(event, () => move(1));
  else if (event.key === "ArrowUp") act(event, () => move(-1));
  else if (event.key === "Enter" && row) act(event, () => open(row));
  else if (event.key === "ArrowRight" && row) act(event, () => expand(row, true));
  else if (event.key === "ArrowLeft" && row) act(event, () => expand(row, false));
});

/**
 * @param {Event} event
 * @param {() => void} action
 */
function act(event, action) {
  event.preventDefault();
  action();
}

// --- the rows again, without reloading the page ----------------------------------------------------------------------

let refreshing = false;
let refreshAgain = false;
let lastRefresh = 0;

/** Fetch the table for the present address and put it in place; only one at a time, and the newest wish wins. */
async function refresh() {
  if (refreshing) {
    refreshAgain = true;
    return;
  }
  refreshing = true;
  const pause = Math.max(0, lastRefresh + REFRESH_MS - performance.now());
  if (pause) await new Promise((done) => setTimeout(done, pause));
  refreshAgain = false;
  lastRefresh = performance.now();
  try {
    const asked = location.search;
    const answer = await fetch(`/studies/rows${asked}`, { headers: { Accept: "text/html" } });
    if (answer.redirected) location.reload();
    if (answer.ok && asked === location.search) replaceRows(await answer.text());
  } catch {
    setLive("lost");
  } finally {
    refreshing = false;
    if (refreshAgain) refresh();
  }
}

/** @param {string} html made by our own template, which escapes every value */
function replaceRows(html) {
  const before = new Set(studyRows().map((row) => row.dataset.uid));
  const opened = studyRows().filter((row) => row.classList.contains("open")).map((row) => row.dataset.uid ?? "");
  const focused = /** @type {HTMLElement | null} */ (document.activeElement)?.dataset.uid;
  const kept = new Map(opened.map((uid) => [uid, rowOf(uid)?.nextElementSibling]));
  rows.innerHTML = html;
  if (studyRows().length) document.getElementById("first-scanner")?.remove();
  for (const row of studyRows()) if (!before.has(row.dataset.uid)) row.classList.add("arrived");
  for (const uid of opened) {
    const row = rowOf(uid);
    const series = kept.get(uid);
    if (!row || !series) continue;
    row.classList.add("open");
    row.querySelector(".expand")?.setAttribute("aria-expanded", "true");
    row.after(series);
  }
  if (focused) rowOf(focused)?.focus({ preventScroll: true });
}

// --- search while typing -------------------------------------------------------------------------------------------

let typing = 0;
searchForm.addEventListener("input", (event) => {
  // A date is searched for when it is whole: dates.js reads it and says what is wrong.
  if (/** @type {Element} */ (event.target).matches(".day input")) return;
  clearTimeout(typing);
  typing = setTimeout(search, TYPING_MS);
});
searchForm.addEventListener("change", (event) => {
  if (/** @type {Element} */ (event.target).matches(".day input")) search();
});
searchForm.addEventListener("submit", (event) => act(event, search));

/** Put the form into the address and show what it finds. */
function search() {
  clearTimeout(typing);
  const pairs = [...new FormData(searchForm)].filter(([, value]) => value !== "");
  const asked = new URLSearchParams(/** @type {[string, string][]} */ (pairs));
  const query = asked.toString();
  history.replaceState(null, "", query ? `/?${query}` : "/");
  for (const chip of searchForm.querySelectorAll("a.chip")) carry(/** @type {HTMLAnchorElement} */ (chip), asked);
  lastRefresh = 0;
  refresh();
}

/**
 * The links of the chips were made before text and dates were typed: keep them when one is followed.
 * @param {HTMLAnchorElement} chip
 * @param {URLSearchParams} asked
 */
function carry(chip, asked) {
  if (chip.classList.contains("clear")) return;
  const address = new URL(chip.href);
  // Those that are no modality are ranges of days themselves.
  for (const name of chip.classList.contains("mono") ? ["q", "from", "to"] : ["q"]) {
    const value = asked.get(name);
    if (value) address.searchParams.set(name, value);
    else address.searchParams.delete(name);
  }
  chip.href = address.href;
}

// --- live updates --------------------------------------------------------------------------------------------------

/**
 * One changed study as an event tells it.
 * @typedef {object} Change
 * @property {string} uid
 * @property {number} series
 * @property {number} images
 * @property {string[]} modalities
 * @property {boolean} in_conflict
 * @property {number} revision
 */

/** @param {"on" | "lost"} state */
function setLive(state) {
  live.dataset.state = state;
  const text = live.querySelector("span");
  if (text) text.textContent = state === "on" ? t("Live") : t("Connection lost, trying again…");
}

/** @param {Change} change */
function apply(change) {
  const row = rowOf(change.uid);
  if (!row) return refresh();
  if (Number(row.dataset.revision) >= change.revision) return undefined;
  const conflictShown = row.querySelector(".c-name .badge.warn") !== null;
  row.dataset.revision = String(change.revision);
  setFact(row, "series", String(change.series));
  setFact(row, "images", String(change.images));
  if (modalitiesShown(row) !== change.modalities.join() || conflictShown !== change.in_conflict) return refresh();
  return undefined;
}

/** @param {HTMLElement} row */
function modalitiesShown(row) {
  return [...row.querySelectorAll('[data-fact="modalities"] .badge')].map((badge) => badge.textContent).join();
}

/**
 * @param {HTMLElement} row
 * @param {string} name
 * @param {string} value
 */
function setFact(row, name, value) {
  const fact = row.querySelector(`[data-fact="${name}"]`);
  if (!fact || fact.textContent === value) return;
  fact.textContent = value;
  fact.classList.add("changed");
  setTimeout(() => fact.classList.remove("changed"), 200);
}

/** Listen for news since the revision that the table was made at; the browser reconnects by itself. */
function listen() {
  const since = rows.querySelector("#page")?.getAttribute("data-revision") ?? "0";
  const source = new EventSource(`/events/studies?since=${encodeURIComponent(since)}`);
  source.addEventListener("open", () => setLive("on"));
  source.addEventListener("error", () => {
    setLive("lost");
    // Refused for good, as after signing out: the browser does not try again, so ask what the page would say.
    if (source.readyState === EventSource.CLOSED) setTimeout(() => refresh().then(listen), 5000);
  });
  source.addEventListener("studies", (event) => {
    for (const change of JSON.parse(event.data)) apply(change);
  });
  source.addEventListener("reload", () => refresh());
  window.addEventListener("pagehide", () => source.close(), { once: true });
}

// Back from the image: the browser shows the page as it was left, so bring it up to date.
window.addEventListener("pageshow", (event) => {
  if (event.persisted) refresh().then(listen);
});

listen();

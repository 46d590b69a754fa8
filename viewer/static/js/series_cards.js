// @ts-check
/** Series as cards with a thumbnail, in the study list and beside the image. Texts are set as text, never as HTML. */

import { t } from "./words.js";

/**
 * One series as `/study/<uid>/series` tells it.
 * @typedef {object} SeriesFacts
 * @property {string} uid
 * @property {string} modality
 * @property {number | null} number
 * @property {string} description
 * @property {string} body_part
 * @property {number} instances
 * @property {number} frames how many images can be drawn; 0 for documents
 * @property {number} revision
 * @property {string} thumbnail address
 */

/**
 * Fetch JSON; a refusal becomes an Error with the server's words.
 * @param {string} address
 * @param {AbortSignal} [signal]
 * @returns {Promise<any>}
 */
export async function fetchJson(address, signal) {
  const answer = await fetch(address, { headers: { Accept: "application/json" }, signal });
  if (answer.status === 401) {
    location.assign(`/login?next=${encodeURIComponent(location.pathname + location.search)}`);
  }
  if (!answer.ok) throw new Error(await wordsOf(answer));
  return answer.json();
}

/**
 * Return what a refused answer says, for people.
 * @param {Response} answer
 * @returns {Promise<string>}
 */
export async function wordsOf(answer) {
  try {
    const told = await answer.json();
    return [told.error, told.detail].filter(Boolean).join(" ");
  } catch {
    return t("The server answered with status {status}.", { status: answer.status });
  }
}

/**
 * Make one card.
 * @param {SeriesFacts} series
 * @param {"a" | "button"} element
 * @returns {HTMLElement}
 */
export function seriesCard(series, element) {
  const card = document.createElement(element);
  card.className = "series-card";
  card.dataset.series = series.uid;
  const image = document.createElement("img");
  image.loading = "lazy";
  image.alt = "";
  image.width = 72;
  image.height = 72;
  image.src = series.thumbnail;
  const text = document.createElement("span");
  text.append(line("span", series.description || series.body_part || t("(no description)")), line("small", countLine(series)));
  card.title = series.description;
  card.append(image, text);
  return card;
}

/**
 * Return the second line of a card: modality, number, how many images.
 * @param {SeriesFacts} series
 * @returns {string}
 */
export function countLine(series) {
  const number = series.number === null ? "" : `#${series.number}`;
  const images = series.frames === 1 ? t("1 image") : t("{count} images", { count: series.frames });
  const count = series.frames ? images : t("document");
  return [series.modality, number, count].filter(Boolean).join(" · ");
}

/**
 * @param {"span" | "small"} element
 * @param {string} text
 */
function line(element, text) {
  const made = document.createElement(element);
  const inner = document.createElement("span");
  inner.textContent = text;
  made.append(inner);
  return made;
}

// @ts-check
/** Reading a series of documents instead of images. */

import { fetchJson, wordsOf } from "../series_cards.js";
import { t } from "../words.js";
import { data, documentPanel } from "./page.js";

const DOCUMENTS_MAX = 20;

/** @param {import("../series_cards.js").SeriesFacts} series */
export async function showDocuments(series) {
  documentPanel.textContent = t("Loading…");
  try {
    const told = await fetchJson(`/study/${data.study}/series/${series.uid}/documents`);
    const pieces = [];
    for (const one of told.documents.slice(0, DOCUMENTS_MAX)) pieces.push(await section(one.page));
    documentPanel.replaceChildren(...pieces);
    if (!pieces.length) documentPanel.textContent = t("This series holds nothing that can be shown.");
  } catch (error) {
    documentPanel.textContent = error instanceof Error ? error.message : String(error);
  }
}

/** @param {string} address */
async function section(address) {
  const answer = await fetch(address, { headers: { Accept: "text/html" } });
  const holder = document.createElement("section");
  // Made by our own template, which escapes every value of the object.
  if (answer.ok) holder.innerHTML = await answer.text();
  else holder.textContent = await wordsOf(answer);
  return holder;
}

// @ts-check
/** Bringing files in: dropped or chosen files go to the server a few at a time; each refused one is told. */

import { t } from "./words.js";

/** So many files are on their way at once. */
const AT_ONCE = 3;
const SHOWN_MAX = 500;

/** @type {{ token: string }} */
const page = JSON.parse(document.getElementById("page-data")?.textContent ?? "{}");
const drop = must("drop");
const state = must("state");
const progress = /** @type {HTMLProgressElement} */ (must("progress"));
const refused = must("refused");

/** @type {{ name: string, file: () => Promise<File> }[]} */
const waiting = [];
let sending = 0;
let found = 0;
let sent = 0;
const counts = { stored: 0, already_stored: 0, refused: 0, not_dicom: 0 };

/** @param {string} id */
function must(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`the page has no #${id}`);
  return element;
}

// --- what to send --------------------------------------------------------------------------------------------------

/**
 * @param {string} name
 * @param {() => Promise<File>} file
 */
function add(name, file) {
  found += 1;
  waiting.push({ name, file });
  for (let free = AT_ONCE - sending; free > 0; free -= 1) void sendOn();
}

/** @param {FileList | null} files */
function addChosen(files) {
  for (const file of files ?? []) add(file.webkitRelativePath || file.name, () => Promise.resolve(file));
}

/** @param {FileSystemEntry} entry */
async function addEntry(entry) {
  if (entry.isFile) {
    const one = /** @type {FileSystemFileEntry} */ (entry);
    add(entry.fullPath.replace(/^\//, ""), () => new Promise((resolve, reject) => one.file(resolve, reject)));
    return;
  }
  const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader();
  for (;;) {
    /** @type {FileSystemEntry[]} */
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return;
    for (const one of some) await addEntry(one);
  }
}

drop.addEventListener("dragover", (event) => {
  event.preventDefault();
  drop.classList.add("over");
});
drop.addEventListener("dragleave", () => drop.classList.remove("over"));
drop.addEventListener("drop", (event) => {
  event.preventDefault();
  drop.classList.remove("over");
  // Entries are gone once this handler has returned, so all are taken first.
  const entries = [...(event.dataTransfer?.items ?? [])].map((item) => item.webkitGetAsEntry());
  for (const entry of entries) if (entry) void addEntry(entry);
});
for (const id of ["files", "folder"]) {
  const input = /** @type {HTMLInputElement} */ (must(id));
  input.addEventListener("change", () => {
    addChosen(input.files);
    input.value = "";
  });
  // Chosen before this script was here.
  if (input.files?.length) input.dispatchEvent(new Event("change"));
}

// --- sending -------------------------------------------------------------------------------------------------------

async function sendOn() {
  sending += 1;
  for (let next = waiting.shift(); next; next = waiting.shift()) {
    show();
    try {
      note(await send(next.name, await next.file()));
    } catch (error) {
      tell(next.name, error instanceof Error ? error.message : String(error));
      counts.refused += 1;
    }
    sent += 1;
    show();
  }
  sending -= 1;
}

/**
 * @param {string} name
 * @param {File} file
 * @returns {Promise<{ counts: Record<string, number>, refused: { name: string, outcome: string, detail: string }[] }>}
 */
async function send(name, file) {
  const headers = {
    "Content-Type": "application/octet-stream",
    Accept: "application/json",
    "X-CSRF-Token": page.token,
  };
  const answer = await fetch(`/upload?name=${encodeURIComponent(name)}`, { method: "POST", headers, body: file });
  const facts = await answer.json();
  if (!answer.ok) throw new Error(facts.detail || facts.error || String(answer.status));
  return facts;
}

// --- what became of it ---------------------------------------------------------------------------------------------

/** @param {{ counts: Record<string, number>, refused: { name: string, outcome: string, detail: string }[] }} facts */
function note(facts) {
  for (const [outcome, count] of Object.entries(facts.counts)) {
    if (outcome === "stored" || outcome === "already_stored" || outcome === "not_dicom") counts[outcome] += count;
    else counts.refused += count;
  }
  for (const one of facts.refused) {
    const words = one.outcome === "not_dicom" ? t("No DICOM file") : t("Refused");
    tell(one.name, `${words}: ${one.detail}`);
  }
}

/**
 * @param {string} name
 * @param {string} words
 */
function tell(name, words) {
  const body = refused.querySelector("tbody");
  if (!body || body.childElementCount >= SHOWN_MAX) return;
  refused.hidden = false;
  const row = document.createElement("tr");
  for (const text of [name, words]) row.appendChild(document.createElement("td")).textContent = text;
  body.append(row);
}

function show() {
  progress.hidden = sent === found;
  progress.max = found;
  progress.value = sent;
  const parts = [t("{sent} of {found} files sent", { sent, found }), t("{count} images stored", { count: counts.stored })];
  if (counts.already_stored) parts.push(t("{count} were here already", { count: counts.already_stored }));
  if (counts.refused) parts.push(t("{count} refused", { count: counts.refused }));
  if (counts.not_dicom) parts.push(t("{count} no DICOM files", { count: counts.not_dicom }));
  state.textContent = parts.join(" · ");
  state.dataset.done = String(sent === found);
}

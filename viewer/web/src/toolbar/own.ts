/** Windows that a person keeps for themselves, by modality, in this browser. */

import type { Window } from "../windowing";

const KEY = "filmless.windows";
const OWN_MAX = 3;

type Kept = Record<string, Window[]>;

function read(): Kept {
  const text = localStorage.getItem(KEY);
  if (!text) return {};
  try {
    return JSON.parse(text) as Kept;
  } catch {
    // Somebody else wrote there; ours begin anew.
    localStorage.removeItem(KEY);
    return {};
  }
}

export function keptWindows(modality: string): Window[] {
  return read()[modality] ?? [];
}

/** Keep a window; the oldest gives way to a fourth. */
export function keepWindow(modality: string, { center, width, function: kind }: Window): void {
  const kept = read();
  kept[modality] = [...(kept[modality] ?? []), { center, width, function: kind }].slice(-OWN_MAX);
  localStorage.setItem(KEY, JSON.stringify(kept));
}

export function forgetWindows(modality: string): void {
  const kept = read();
  delete kept[modality];
  localStorage.setItem(KEY, JSON.stringify(kept));
}

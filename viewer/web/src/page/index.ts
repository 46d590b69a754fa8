/** What the page brought with it. */

import type { Facts } from "../frames";

export interface SeriesFacts {
  uid: string;
  modality: string;
  number: number | null;
  description: string;
  body_part: string;
  laterality: string;
  instances: number;
  frames: number;
  documents: number;
  revision: number;
  thumbnail: string;
  /** Of a series of another study: which one. */
  exam?: PageData["exam"] & { study: string };
}

export interface FirstPicture {
  series: string;
  position: number;
  address: string;
  facts: Facts;
}

export interface NamedWindow {
  name: string;
  center: number;
  width: number;
}

export interface PageData {
  study: string;
  patient: { name: string; id: string; birth_date: string; sex: string; age: string };
  exam: { institution: string; description: string; date: string; time: string; accession: string };
  series: SeriesFacts[];
  first: FirstPicture | null;
  ct_presets: NamedWindow[];
  may: { download: boolean };
  /** For whom this browser may keep images, and how many bytes of them; null where it may not. */
  keep: { person: string; bytes: number } | null;
  token: string;
  /** Who reads here. */
  reader: string;
}

export function readPage(): PageData {
  return JSON.parse(document.getElementById("page-data")?.textContent ?? "null") as PageData;
}

/** Series that hold no images: reports, PDFs, and what can only be taken as a file. */

import { addPanel } from "../extensions";
import type { Room } from "../room";
import { t } from "../words";
import Documents from "./Documents.svelte";

export function addDocuments(room: Room): void {
  addPanel({ name: "documents", title: t("Documents"), icon: "file", view: Documents });
  room.document = (series) => {
    room.documentSeries = series.uid;
    room.panel = "documents";
  };
}

/** The reading room's first script: small, so that the first picture has the network for itself. */

import { mount } from "svelte";
import { addReadersTools } from "./readers";
import { addStandardTools } from "./standard";
import { readPage } from "./page";
import { followAddress } from "./address";
import { App } from "./app";
import { startPainter } from "./painter";
import { Room } from "./room";
import { t } from "./words";
import "./style.css";

const page = readPage();

if (hasWebGl()) begin();
else location.replace(`/study/${page.study}/light?webgl=0`);

function begin(): void {
  const room = new Room(page);
  const target = document.getElementById("room") as HTMLElement;
  const firstLight = document.querySelector<HTMLImageElement>("#first-light");
  addStandardTools(room);
  addReadersTools(room);
  if (page.first) {
    room.library.know(page.first.series, page.first.position, page.first.facts);
    room.open(room.cell, page.first.series, page.first.position);
  }
  followAddress(room);
  room.painter = startPainter(room.library, (isLost) => {
    room.trouble = isLost ? { words: t("The graphics driver has stopped. The picture comes back as soon as it does."), kind: "refused" } : null;
  });
  target.replaceChildren();
  // For tests, and for whoever wants to look.
  Object.assign(window, { filmless: room });
  mount(App, { target, props: { room, firstLight } });
}

function hasWebGl(): boolean {
  return document.createElement("canvas").getContext("webgl2") !== null;
}

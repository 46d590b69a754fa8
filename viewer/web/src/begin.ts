/** Begins the reading room: the app itself, with what the page brought. */

import { mount } from "svelte";
import { addReadersTools } from "./readers";
import { addStandardTools } from "./standard";
import { readPage, type PageData } from "./page";
import { followAddress, lightAddress } from "./address";
import { App } from "./app";
import { NoGraphics, startPainter, type Painter } from "./painter";
import { Room } from "./room";

export function begin(): void {
  const page = readPage();
  const room = new Room(page);
  const painter = painterFor(room, page);
  if (!painter) return;
  const target = document.getElementById("room") as HTMLElement;
  const firstLight = document.querySelector<HTMLImageElement>("#first-light");
  if (page.first) pictureFirst(room, target);
  addStandardTools(room);
  addReadersTools(room);
  if (page.first) {
    room.library.know(page.first.series, page.first.position, page.first.facts);
    room.open(room.cell, page.first.series, page.first.position);
  } else if (page.series[0]) room.choose(page.series[0]);
  followAddress(room);
  room.painter = painter;
  target.replaceChildren();
  // For tests, and for whoever wants to look.
  Object.assign(window, { filmless: room });
  mount(App, { target, props: { room, firstLight } });
}

/** Fetch and paint nothing before the first picture: it has network, processor and graphics driver to itself. */
function pictureFirst(room: Room, target: HTMLElement): void {
  room.library.hold();
  target.classList.add("opening");
  void room.library.calm().then(() => target.classList.remove("opening"));
}

/** null where the graphics driver cannot do it: the page leaves for the light view. */
function painterFor(room: Room, page: PageData): Painter | null {
  try {
    return startPainter(room.library, (isLost) => room.dark(isLost));
  } catch (error) {
    if (!(error instanceof NoGraphics)) throw error;
    location.replace(`${lightAddress(page.study, location.search)}&webgl=0`);
    return null;
  }
}

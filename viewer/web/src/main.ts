/** The reading room's first script: small, so that the first picture has the network for itself. */

import { mount } from "svelte";
import { addReadersTools } from "./readers";
import { addStandardTools } from "./standard";
import { readPage } from "./page";
import { followAddress } from "./address";
import { App } from "./app";
import { Room } from "./room";
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
  target.replaceChildren();
  // For tests, and for whoever wants to look.
  Object.assign(window, { filmless: room });
  mount(App, { target, props: { room, firstLight } });
  void import("./engine").then(({ startEngine }) => {
    room.engine = startEngine(room.library, room.budget);
  });
}

function hasWebGl(): boolean {
  return document.createElement("canvas").getContext("webgl2") !== null;
}

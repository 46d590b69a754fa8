/** What hands in a cell mean for the room. */

import type { Cell, Hands } from "../cell";
import type { Tool } from "../gestures";
import type { Room } from "../room";

const OWN: Tool[] = ["window", "scroll", "zoom", "pan", "probe", "magnify", "crosshair"];

export function handsOf(room: Room, cell: Cell): Hands {
  return {
    tool(touch) {
      const tool = room.toolOf(touch) as Tool;
      return OWN.includes(tool) ? tool : "none";
    },
    activate: () => room.activate(cell.index),
    scrolled: (position) => room.go(cell, position),
    windowed: (voi) => room.window(cell, voi),
    pointed: (at) => room.pointed(cell, at),
    used: (tool, at) => room.used(cell, tool, at),
  };
}

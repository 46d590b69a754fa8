/** What the mouse, the pen and fingers do in a cell. */

import { listen, type Tool } from "../gestures";
import { keptInSight, squareSize, WHOLE, zoomedAt, type Placement, type Point } from "../placement";
import { draggedWindow, type Voi, type Window } from "../windowing";
import type { Cell } from "./cell.svelte";

export interface Hands {
  tool(touch: boolean): Tool;
  activate(): void;
  scrolled(position: number): void;
  windowed(voi: Voi): void;
  pointed(at: Point | null): void;
  /** A tool of another feature began, moved (with the point) or ended (null). */
  used(tool: Tool, at: Point | null): void;
}

const OTHERS: Tool[] = ["probe", "magnify", "crosshair"];

/** Pixels of a drag for one image: a drag over most of the cell goes through the whole series. */
function scrollStep(height: number, total: number): number {
  return Math.min(24, Math.max(2, (height * 0.8) / Math.max(total, 1)));
}

export function handle(element: HTMLElement, cell: Cell, hands: Hands): () => void {
  let window: Window | null = null;
  let position = 0;
  return listen(element, {
    tool: (touch) => hands.tool(touch),
    began(at, tool) {
      hands.activate();
      window = cell.window;
      position = cell.position;
      if (OTHERS.includes(tool)) hands.used(tool, at);
    },
    dragged(tool, total, step, at) {
      if (tool === "window" && window) {
        hands.windowed({ kind: "window", window: draggedWindow(window, total.x, total.y, window.width) });
      } else if (tool === "scroll") {
        hands.scrolled(position + Math.round(total.y / scrollStep(cell.box.height, cell.total)));
      } else if (tool === "zoom") zoom(cell, Math.exp(-step.y / 150), { x: cell.box.width / 2, y: cell.box.height / 2 });
      else if (tool === "pan") pan(cell, step);
      else hands.used(tool, at);
    },
    ended: (tool) => {
      if (OTHERS.includes(tool)) hands.used(tool, null);
    },
    pinched(factor, middle, moved) {
      zoom(cell, factor, middle);
      pan(cell, moved);
    },
    wheeled: (steps) => {
      hands.activate();
      hands.scrolled(cell.position + steps);
    },
    zoomed: (factor, at) => zoom(cell, factor, at),
    pointed: (at) => hands.pointed(at),
    doubled: () => cell.place({ ...WHOLE, pose: cell.placement.pose }),
  });
}

export function zoom(cell: Cell, factor: number, at: Point): void {
  settle(cell, zoomedAt(cell.placement, factor, at, cell.box));
}

function pan(cell: Cell, step: Point): void {
  const { pan: from } = cell.placement;
  settle(cell, { ...cell.placement, pan: { x: from.x + step.x, y: from.y + step.y } });
}

function settle(cell: Cell, placement: Placement): void {
  const facts = cell.facts;
  if (!facts || facts.problem) return;
  cell.place(keptInSight(placement, squareSize(facts.rows, facts.columns, facts.aspect), cell.box));
}

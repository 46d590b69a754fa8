// @ts-check
/** What gestures on the picture do. */

import { listen } from "./gestures.js";
import { go, step } from "./moving.js";
import { element } from "./page.js";
import { pointAt } from "./probe.js";
import { state, viewport } from "./state.js";
import { describe } from "./texts.js";
import { fit, toolFor, zoomed } from "./toolbar.js";
import { presentWindow, setFreeWindow } from "./window_controls.js";
import { dragged } from "./windowing.js";

/** Share of the longer side of the viewport that a drag has to cross to change a window by its own width. */
const WINDOW_SHARE = 0.6;

/** @type {import("./windowing.js").Window} */
let dragWindow = { center: 0, width: 1 };
let dragPosition = 0;

/** Listen to mouse, pen, touch and wheel. */
export function wirePointing() {
  listen(element, {
    tool: toolFor,
    began: () => {
      dragWindow = presentWindow();
      dragPosition = state.position;
    },
    dragged: drag,
    ended: describe,
    pinched: (factor, middle, moved) => {
      viewport.zoom(factor, middle);
      viewport.pan(moved);
      zoomed();
    },
    wheeled: step,
    zoomed: (factor, at) => {
      viewport.zoom(factor, at);
      zoomed();
    },
    pointed: pointAt,
    doubled: fit,
  });
}

/** @type {import("./gestures.js").Meaning["dragged"]} */
function drag(tool, dx, dy, moved) {
  if (tool === "window") {
    setFreeWindow(dragged(dragWindow, dx, dy, Math.max(viewport.box.width, viewport.box.height) * WINDOW_SHARE));
  } else if (tool === "scroll") {
    const pixels = Math.max(6, Math.min(24, viewport.box.height / (state.stack?.total ?? 1)));
    go(dragPosition + Math.round(dy / pixels));
  } else if (tool === "zoom") {
    viewport.zoom(Math.exp(-moved.y / 150));
    zoomed();
  } else viewport.pan(moved);
}

// @ts-check
/** The light view: wires its parts together and opens the first series. */

import { wireKeyboard } from "./keyboard.js";
import { wireLeaving } from "./leaving.js";
import { wireMoving } from "./moving.js";
import { element } from "./page.js";
import { update } from "./pictures.js";
import { wirePointing } from "./pointing.js";
import { startSeries } from "./series.js";
import { viewport } from "./state.js";
import { wireToolbar } from "./toolbar.js";
import { wireWindow } from "./window_controls.js";

wireMoving();
wireWindow();
wirePointing();
wireToolbar();
wireKeyboard();
wireLeaving();
viewport.onResize = update;
startSeries();
element.focus({ preventScroll: true });

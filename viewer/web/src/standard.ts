/** The tools that every reading room has, added as any other feature adds its own. */

import { addCine } from "./cine";
import { addDocuments } from "./documents";
import { addMagnifier } from "./magnify";
import { addMasks } from "./masks";
import { addProbe } from "./probe";
import { addSliders } from "./slider";
import { addStackWarnings } from "./stack";
import { addSync } from "./sync";
import { startKeyboard } from "./keyboard";
import { addButton } from "./extensions";
import type { Room } from "./room";
import { ACTIONS } from "./room";
import { t } from "./words";

export function addStandardTools(room: Room): void {
  addButton({ group: "hand", icon: "window", tool: "window", key: "W", label: t("Window (brightness and contrast)") });
  addButton({ group: "hand", icon: "scroll", tool: "scroll", key: "S", label: t("Scroll through images") });
  addButton({ group: "hand", icon: "zoom", tool: "zoom", key: "Z", label: t("Zoom") });
  addButton({ group: "hand", icon: "pan", tool: "pan", key: "P", label: t("Move") });
  addButton({ group: "picture", icon: "invert", key: "I", label: t("Invert"), act: ACTIONS.invert, isOn: (one) => one.cell.inverted });
  addButton({ group: "picture", icon: "left", key: "Shift R", label: t("Rotate left"), act: ACTIONS.rotateLeft });
  addButton({ group: "picture", icon: "right", key: "R", label: t("Rotate right"), act: ACTIONS.rotateRight });
  addButton({ group: "picture", icon: "flip-h", key: "H", label: t("Flip left to right"), act: ACTIONS.flipAcross });
  addButton({ group: "picture", icon: "flip-v", key: "V", label: t("Flip top to bottom"), act: ACTIONS.flipDown });
  addButton({ group: "picture", icon: "fit", key: "F", label: t("Fit to the screen"), act: ACTIONS.fit });
  addButton({ group: "picture", icon: "reset", key: "0", label: t("Reset"), act: ACTIONS.reset });
  addButton({ group: "show", icon: "full", key: "Shift F", label: t("Full screen"), act: ACTIONS.full });
  addButton({ group: "end", icon: "help", key: "?", label: t("Keyboard"), act: (one) => (one.help = true) });
  addMasks();
  addSync();
  addProbe();
  addMagnifier();
  addCine();
  addStackWarnings();
  addSliders();
  addDocuments(room);
  startKeyboard(room);
}

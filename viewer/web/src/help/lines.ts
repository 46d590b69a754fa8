/** What keys, mouse and fingers do, as the help shows it. */

import { t } from "../words";

export interface Group {
  title: string;
  lines: { keys: string[]; words: string }[];
}

const line = (keys: string[], words: string) => ({ keys, words });

/** All groups; for a hand without a mouse what fingers do comes first. */
export function groups(byTouch: boolean): Group[] {
  return byTouch ? [fingers(), ...keysAndMouse()] : [...keysAndMouse(), fingers()];
}

function fingers(): Group {
  return {
    title: t("Fingers"),
    lines: [
      line([t("one finger")], t("scroll through images")),
      line([t("two fingers")], t("zoom and move")),
      line([t("double tap")], t("fit to the screen")),
      line([t("sliders")], t("image and window")),
    ],
  };
}

function keysAndMouse(): Group[] {
  return [
    {
      title: t("Images and series"),
      lines: [
        line(["↑", "↓", "←", "→", t("wheel")], t("previous and next image")),
        line(["PgUp", "PgDn"], t("ten images")),
        line(["Home", "End"], t("first and last image")),
        line(["[", "]"], t("previous and next series")),
        line([",", "."], t("previous and next phase")),
        line([t("space bar")], t("play and stop")),
        line(["Tab"], t("next cell")),
      ],
    },
    {
      title: t("Picture"),
      lines: [
        line(["1", "…", "9"], t("windows")),
        line(["I"], t("invert")),
        line(["R", "Shift R"], t("rotate right, left")),
        line(["H", "V"], t("flip across, flip down")),
        line(["+", "−", `Ctrl ${t("wheel")}`], t("zoom")),
        line(["F", t("double click")], t("fit to the screen")),
        line(["0"], t("reset all")),
        line(["N"], t("smooth or true pixels")),
        line(["O"], t("overlays on and off")),
        line(["Shift F"], t("full screen")),
      ],
    },
    {
      title: t("What a drag does"),
      lines: [
        line(["W", "S", "Z", "P"], t("window, scroll, zoom, move")),
        line([t("right button")], t("zoom")),
        line([t("middle button"), `Shift ${t("drag")}`], t("move")),
        line(["B", "G", "X"], t("pixel value, magnifier, crosshair")),
        line(["L", "A", "E", "T"], t("length, angle, ellipse, arrow")),
        line(["Esc"], t("back to the window")),
      ],
    },
    {
      title: t("Several cells"),
      lines: [
        line(["Y"], t("scroll together")),
        line(["Shift Y"], t("window together")),
        line(["K"], t("reference lines")),
      ],
    },
    {
      title: t("Panels"),
      lines: [
        line(["M"], t("all measurements")),
        line(["Del", "Ctrl Z"], t("delete the selected measurement; take the last one back")),
        line(["U", "Shift U"], t("planes and slabs; three planes at once")),
        line(["Tab", "←", "→", "Home"], t("on a handle of the crosshair: turn the plane, straight again")),
        line(["J"], t("colours and layers")),
        line(["C"], t("other studies")),
        line(["Q", "D"], t("key image; key images, views, taking out")),
        line(["#"], t("all DICOM attributes")),
        line(["?"], t("this help")),
      ],
    },
  ];
}

/** Cine: a series or a multi-frame object as a film. */

import { addButton } from "../extensions";
import { t } from "../words";
import { togglePlay } from "./play";

export { limitedRate } from "./clock";
export { togglePlay } from "./play";

export function addCine(): void {
  addButton({
    group: "play",
    icon: "play",
    key: t("space bar"),
    label: t("Play (cine)"),
    act: togglePlay,
    isOn: (room) => room.cell.playing,
    isOff: (room) => room.cell.total < 2,
  });
}

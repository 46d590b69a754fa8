/** Where features add themselves: layers over each picture, buttons, panels, keys. The shell knows none of them by name. */

import type { Component } from "svelte";
import type { Cell } from "../cell";
import type { Room } from "../room";

/** A component over each picture, in CSS pixels of the cell; `cell.matrix` maps stored pixels to them. */
export type ImageLayer = Component<{ room: Room; cell: Cell }>;

/** A button of the tool bar. `tool` ones stay pressed; the others act once. Labels are translated already. */
export interface ToolButton {
  group: string;
  icon: string;
  label: string;
  key?: string;
  /** What the main button of the mouse does while it is pressed, a name of `room.tool`. */
  tool?: string;
  act?: (room: Room) => void;
  isOn?: (room: Room) => boolean;
  isOff?: (room: Room) => boolean;
}

/** A panel at the side, opened by `room.panel = name`. */
export interface SidePanel {
  name: string;
  title: string;
  icon: string;
  view: Component<{ room: Room }>;
}

const layers: ImageLayer[] = [];
const buttons: ToolButton[] = [];
const panels: SidePanel[] = [];

export function addImageLayer(layer: ImageLayer): void {
  layers.push(layer);
}

export function addButton(button: ToolButton): void {
  buttons.push(button);
}

export function addPanel(panel: SidePanel): void {
  panels.push(panel);
}

export const imageLayers = (): ImageLayer[] => layers;
export const toolButtons = (): ToolButton[] => buttons;
export const sidePanels = (): SidePanel[] => panels;

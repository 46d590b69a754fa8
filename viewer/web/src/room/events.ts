/** What features hear of: scrolling, windows, tools at work. The room tells, and knows none of them by name. */

import type { Cell } from "../cell";
import type { SeriesFrames } from "../frames";
import type { Point } from "../placement";
import type { Room } from "./room.svelte";

type CellEvent = (room: Room, cell: Cell) => void;
/** A tool at work in a cell, at a point of it; null when it ended. */
type ToolEvent = (room: Room, cell: Cell, at: Point | null) => void;

const scrolls: CellEvent[] = [];
const windows: CellEvent[] = [];
const tools = new Map<string, ToolEvent>();

/** The image that a series begins with in a cell, as far as its facts are here; null where nothing speaks for one. */
type Beginning = (room: Room, cell: Cell, series: SeriesFrames) => number | null;
const beginnings: Beginning[] = [];

/** Say where a series begins that was opened without naming an image; the first answer counts. */
export const onOpening = (listener: Beginning): unknown => beginnings.push(listener);
export const beginningOf: Beginning = (room, cell, series) => beginnings.reduce<number | null>((found, listener) => found ?? listener(room, cell, series), null);

/** Told when a person scrolled a cell, or changed its window. */
export const onScroll = (listener: CellEvent): unknown => scrolls.push(listener);
export const onWindow = (listener: CellEvent): unknown => windows.push(listener);
/** What dragging with a tool means. */
export const onTool = (tool: string, listener: ToolEvent): unknown => tools.set(tool, listener);

export const scrolled: CellEvent = (room, cell) => scrolls.forEach((listener) => listener(room, cell));
export const windowed: CellEvent = (room, cell) => windows.forEach((listener) => listener(room, cell));
export const toolUsed = (tool: string, room: Room, cell: Cell, at: Point | null): void => tools.get(tool)?.(room, cell, at);

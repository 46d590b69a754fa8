/** Windows (PS3.3 C.11.2) as numbers. Pure. */

export type VoiFunction = "LINEAR" | "LINEAR_EXACT" | "SIGMOID";
export interface Window {
  center: number;
  width: number;
  function: VoiFunction;
  explanation?: string;
}
/** A VOI LUT: `entries[0]` is the output for modality value `first`; entries have `bits` bits. */
export interface Table {
  first: number;
  bits: number;
  entries: Uint16Array;
  explanation: string;
}
export type Voi = { kind: "window"; window: Window } | { kind: "table"; table: Table };

const NARROWEST = 1;
/** A drag across the longer part of the screen goes through about so many windows' widths. */
const DRAG_PIXELS = 500;

/** The display value, 0 to 1, of a modality value. */
export function displayValue(value: number, window: Window): number {
  const { center, width } = window;
  if (window.function === "SIGMOID") return 1 / (1 + Math.exp(Math.min(700, Math.max(-700, (-4 * (value - center)) / width))));
  if (window.function === "LINEAR_EXACT") return clamp((value - center) / width + 0.5);
  if (width === 1) return value > center - 0.5 ? 1 : 0;
  return clamp((value - (center - 0.5)) / (width - 1) + 0.5);
}

/** The modality values that become black and white; for the sigmoid, the points where its middle slope would do so. */
export function limitsOf(window: Window): { lower: number; upper: number } {
  const { center, width } = window;
  if (window.function === "LINEAR") {
    // Width 1 is a threshold; the GPU needs two different numbers.
    const half = Math.max(width - 1, 1e-3) / 2;
    return { lower: center - 0.5 - half, upper: center - 0.5 + half };
  }
  return { lower: center - width / 2, upper: center + width / 2 };
}

/** Points (value, display value) between which the GPU interpolates to follow `voi`. */
export function curveOf(voi: Voi): [number, number][] {
  if (voi.kind === "table") return tableCurve(voi.table);
  if (voi.window.function === "SIGMOID") return sigmoidCurve(voi.window);
  const { lower, upper } = limitsOf(voi.window);
  return [
    [lower, 0],
    [upper, 1],
  ];
}

const SIGMOID_POINTS = 400;

function sigmoidCurve(window: Window): [number, number][] {
  // Beyond 3 widths from the centre it is black or white to a hundredth of a grey level.
  const points: [number, number][] = [];
  for (let i = 0; i <= SIGMOID_POINTS; i++) {
    const value = window.center + window.width * 6 * (i / SIGMOID_POINTS - 0.5);
    points.push([value, displayValue(value, window)]);
  }
  return points;
}

const TABLE_POINTS = 1024;

function tableCurve(table: Table): [number, number][] {
  const top = 2 ** table.bits - 1;
  const step = Math.max(1, Math.floor(table.entries.length / TABLE_POINTS));
  const points: [number, number][] = [];
  for (let i = 0; i < table.entries.length; i += step) points.push([table.first + i, (table.entries[i] ?? 0) / top]);
  const last = table.entries.length - 1;
  if (last % step) points.push([table.first + last, (table.entries[last] ?? 0) / top]);
  return points.length > 1 ? points : [[table.first, 0], [table.first + 1, 1]];
}

/** The window that spreads `low` to `high` over all greys, for objects that name none (see `voi.full_range`). */
export function fullRange(low: number, high: number, wholeNumbers: boolean): Window {
  if (wholeNumbers) return { center: (low + high + 1) / 2, width: high - low + 1, function: "LINEAR" };
  return { center: (low + high) / 2, width: high - low || 1, function: "LINEAR_EXACT" };
}

/** The window after a drag of (dx, dy) CSS pixels: right is wider, down is a higher centre (darker). */
export function draggedWindow(from: Window, dx: number, dy: number, span: number): Window {
  const scale = Math.max(from.width, span / 50) / DRAG_PIXELS;
  const width = from.width + dx * scale * 1.5;
  const least = from.function === "LINEAR" ? NARROWEST : Math.min(from.width, span) / 1000 || 1e-6;
  return tidied({ ...from, width: Math.max(width, least), center: from.center + dy * scale }, from.width);
}

/** Whole numbers where windows are wide; three figures where they are narrow, as with SUV or ADC maps. */
export function tidied(window: Window, size = window.width): Window {
  const digits = size >= 20 ? 0 : size >= 2 ? 1 : Math.min(12, Math.ceil(2 - Math.log10(Math.max(size, 1e-9))));
  const round = (value: number) => Number(value.toFixed(digits));
  const least = window.function === "LINEAR" ? 1 : 10 ** -digits;
  return { ...window, center: round(window.center), width: Math.max(round(window.width), least) };
}

/** The same window on values that are `factor` times as large. */
export function scaledVoi(voi: Voi, factor: number): Voi {
  if (voi.kind !== "window" || factor === 1) return voi;
  const { center, width } = voi.window;
  return { kind: "window", window: { ...voi.window, center: center * factor, width: width * factor } };
}

export function sameWindow(one: Window | null, other: Window | null): boolean {
  return one?.center === other?.center && one?.width === other?.width && one?.function === other?.function;
}

/** A number for the corner of a picture: no needless digits. */
export function shortNumber(value: number): string {
  const size = Math.abs(value);
  const digits = size >= 100 || Number.isInteger(value) ? 0 : size >= 1 ? 1 : size >= 0.01 ? 3 : 6;
  return String(Number(value.toFixed(digits)));
}

function clamp(value: number): number {
  return Math.min(1, Math.max(0, value));
}

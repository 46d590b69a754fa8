/** How values become colour and opacity in three dimensions. Pure. */

export type Preset = "bone" | "vessels" | "lung" | "skin";

/** [value, red, green, blue, opacity]; colours 0 to 1, opacity for a step of a millimetre. */
type Stop = [number, number, number, number, number];

const HU: Record<Preset, Stop[]> = {
  bone: [
    [150, 0.55, 0.25, 0.15, 0],
    [300, 0.85, 0.6, 0.4, 0.12],
    [700, 1, 0.95, 0.85, 0.6],
    [2000, 1, 1, 1, 0.9],
  ],
  vessels: [
    [110, 0.5, 0.05, 0.05, 0],
    [200, 0.8, 0.15, 0.1, 0.15],
    [350, 1, 0.55, 0.4, 0.45],
    [800, 1, 0.95, 0.85, 0.6],
  ],
  lung: [
    [-980, 0.2, 0.3, 0.5, 0],
    [-880, 0.35, 0.55, 0.8, 0.012],
    [-600, 0.6, 0.75, 0.9, 0.03],
    [-450, 0.9, 0.6, 0.5, 0.16],
    [-50, 1, 0.8, 0.7, 0.1],
    [0, 1, 0.8, 0.7, 0],
  ],
  skin: [
    [-420, 0.8, 0.55, 0.42, 0],
    [-250, 0.87, 0.65, 0.52, 0.25],
    [-50, 0.92, 0.72, 0.6, 0.8],
    [3000, 1, 0.9, 0.85, 0.9],
  ],
};

export const PRESETS = Object.keys(HU) as Preset[];

/** The range of values that the texture holds: Hounsfield units as they are, other values from lowest to highest. */
export const HU_RANGE: [number, number] = [-1024, 2036];

/** 256 RGBA bytes over `range`; for values that are no HU the stops are stretched over the range. */
export function transfer(preset: Preset, range: [number, number], isHu: boolean): Uint8Array {
  const stops = isHu ? HU[preset] : stretched(HU[preset], range);
  const out = new Uint8Array(256 * 4);
  for (let i = 0; i < 256; i++) {
    const [, red, green, blue, opacity] = at(stops, range[0] + ((range[1] - range[0]) * i) / 255);
    out.set([red * 255, green * 255, blue * 255, opacity * 255].map(Math.round), i * 4);
  }
  return out;
}

function stretched(stops: Stop[], [low, high]: [number, number]): Stop[] {
  const first = (stops[0] as Stop)[0];
  const last = (stops.at(-1) as Stop)[0];
  return stops.map(([value, ...rest]) => [low + (high - low) * (0.2 + (0.8 * (value - first)) / (last - first)), ...rest]);
}

function at(stops: Stop[], value: number): Stop {
  const first = stops[0] as Stop;
  const last = stops.at(-1) as Stop;
  if (value <= first[0]) return [value, first[1], first[2], first[3], 0];
  if (value >= last[0]) return last;
  const next = stops.findIndex((stop) => stop[0] > value);
  const [from, to] = [stops[next - 1] as Stop, stops[next] as Stop];
  const t = (value - from[0]) / (to[0] - from[0]);
  return from.map((part, i) => part + ((to[i] as number) - part) * t) as Stop;
}

/** Colour maps for laid-over values. Pure. */

export type ColourMap = "hot" | "rainbow" | "grey";

/** Red, green and blue (0 to 255) of a share from 0 to 1. */
export function colourOf(map: ColourMap, share: number): [number, number, number] {
  const t = Math.min(1, Math.max(0, share));
  const byte = (value: number) => Math.round(255 * Math.min(1, Math.max(0, value)));
  if (map === "hot") return [byte(t * 3), byte(t * 3 - 1), byte(t * 3 - 2)];
  if (map === "grey") return [byte(t), byte(t), byte(t)];
  return [byte(1.5 - Math.abs(4 * t - 3)), byte(1.5 - Math.abs(4 * t - 2)), byte(1.5 - Math.abs(4 * t - 1))];
}

/** RGBA of `values` from 0 to `most`: the brighter, the less transparent, so that the picture below stays readable. */
export function painted(values: Float32Array, most: number, map: ColourMap, opacity: number): Uint8ClampedArray<ArrayBuffer> {
  const out = new Uint8ClampedArray(values.length * 4);
  const steps = Array.from({ length: 256 }, (_, i) => colourOf(map, i / 255));
  for (let i = 0; i < values.length; i++) {
    const share = (values[i] as number) / most;
    if (!(share > 0)) continue; // also what is not there
    const [red, green, blue] = steps[Math.min(255, Math.round(share * 255))] as [number, number, number];
    out.set([red, green, blue, Math.round(255 * opacity * Math.min(1, share * 4))], i * 4);
  }
  return out;
}

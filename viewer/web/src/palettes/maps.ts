/** Colour maps: from the display value of a pixel to a colour. Pure; `viewer/rendering/colour_maps.py` has the same tables. */

type Rgb = [number, number, number];

/** Colours at even steps from the lowest to the highest display value. */
const TABLES = {
  grey: [[0, 0, 0], [255, 255, 255]],
  hot: [[0, 0, 0], [255, 0, 0], [255, 255, 0], [255, 255, 255]],
  rainbow: [[0, 0, 127.5], [0, 0, 255], [0, 127.5, 255], [0, 255, 255], [127.5, 255, 127.5], [255, 255, 0], [255, 127.5, 0], [255, 0, 0], [127.5, 0, 0]],
  viridis: [[68, 1, 84], [71, 44, 122], [59, 81, 139], [44, 113, 142], [33, 144, 141], [39, 173, 129], [92, 200, 99], [170, 220, 50], [253, 231, 37]],
  poles: [[20, 60, 170], [90, 150, 230], [240, 240, 240], [230, 110, 80], [160, 10, 30]],
} satisfies Record<string, Rgb[]>;

export type ColourMap = keyof typeof TABLES;
export const COLOUR_MAPS = Object.keys(TABLES) as ColourMap[];
const STEPS = 256;

/** Red, green and blue (0 to 255) of a share from 0 to 1. */
export function colourOf(map: ColourMap, share: number): Rgb {
  const table: Rgb[] = TABLES[map];
  const at = Math.min(1, Math.max(0, share)) * (table.length - 1);
  const below = Math.min(table.length - 2, Math.floor(at));
  const [from, to] = [table[below] as Rgb, table[below + 1] as Rgb];
  return from.map((value, i) => Math.round(value + ((to[i] as number) - value) * (at - below))) as Rgb;
}

const tables = new Map<ColourMap, Uint8Array>();

/**
 * The colours of the 256 display values, red, green and blue by turns; the same array each time. What is at or below the
 * window stays black, as in grey: most of a map is nothing, and nothing must not glare.
 */
export function tableOf(map: ColourMap): Uint8Array {
  let table = tables.get(map);
  if (!table) {
    table = Uint8Array.from(Array.from({ length: STEPS }, (_, i) => (i ? colourOf(map, i / (STEPS - 1)) : [0, 0, 0])).flat());
    tables.set(map, table);
  }
  return table;
}

/** RGBA of `values` from `least` to `most`: the higher, the less transparent, so that the picture below stays readable. */
export function painted(values: Float32Array, [least, most]: [number, number], map: ColourMap, opacity: number): Uint8ClampedArray<ArrayBuffer> {
  const out = new Uint8ClampedArray(values.length * 4);
  const table = tableOf(map);
  for (let i = 0; i < values.length; i++) {
    const share = ((values[i] as number) - least) / (most - least);
    if (!(share > 0)) continue; // also what is not there
    const step = 3 * Math.min(STEPS - 1, Math.round(share * (STEPS - 1)));
    out.set([table[step] as number, table[step + 1] as number, table[step + 2] as number, Math.round(255 * opacity * Math.min(1, share * 4))], i * 4);
  }
  return out;
}

/** Masks as the server sends them, fetched once and tinted. */

import { request } from "../frames";

/** Each takes a megabyte and more, outside of the budget for frames. */
const KEPT = 96;
const bitmaps = new Map<string, Promise<ImageBitmap>>();

/** A mask of one channel as a bitmap. */
export function maskAt(address: string): Promise<ImageBitmap> {
  let found = bitmaps.get(address);
  if (!found) {
    found = request(address, undefined, "image/png").then(async (answer) => createImageBitmap(await answer.blob()));
    bitmaps.set(address, found);
    found.catch(() => bitmaps.delete(address));
    const oldest = bitmaps.keys().next().value;
    if (bitmaps.size > KEPT && oldest !== undefined) bitmaps.delete(oldest);
  }
  return found;
}

/** Where the mask is bright, `color`; elsewhere nothing. */
export function tinted(mask: ImageBitmap, color: [number, number, number], opacity: number): ImageData {
  const canvas = new OffscreenCanvas(mask.width, mask.height);
  const context = canvas.getContext("2d", { willReadFrequently: true }) as OffscreenCanvasRenderingContext2D;
  context.drawImage(mask, 0, 0);
  const image = context.getImageData(0, 0, mask.width, mask.height);
  const { data } = image;
  for (let i = 0; i < data.length; i += 4) {
    const share = data[i] as number;
    data[i] = color[0];
    data[i + 1] = color[1];
    data[i + 2] = color[2];
    data[i + 3] = share * opacity;
  }
  return image;
}

/** Overlay planes as pictures made by the server, each fetched once. */

import { request, type Facts } from "../frames";

const kept = new Map<string, Promise<ImageBitmap>>();
const KEPT_MAX = 64;

export function overlayOf(study: string, facts: Facts): Promise<ImageBitmap> {
  const address = `/study/${study}/instances/${facts.sop}/frames/${facts.frame_number}/overlay`;
  const found = kept.get(address) ?? load(address);
  kept.delete(address);
  kept.set(address, found);
  const oldest = kept.keys().next().value;
  if (kept.size > KEPT_MAX && oldest !== undefined) kept.delete(oldest);
  return found;
}

async function load(address: string): Promise<ImageBitmap> {
  try {
    const answer = await request(address, undefined, "image/png");
    return await createImageBitmap(await answer.blob());
  } catch (error) {
    kept.delete(address);
    throw error;
  }
}

/** What memory gives back first. Pure. */

import type { SeriesFrames } from "./series";
import type { Wish } from "./wish";

/** The frame with pixels that is farthest from anybody's eyes: of a series that nobody looks at, else at an end; null for none. */
export function farthest(all: ReadonlyMap<string, SeriesFrames>, wishes: Wish[]): Wish | null {
  for (const series of all.values()) {
    if (wishes.some((wish) => wish.series === series.uid)) continue;
    const position = lastStored(series);
    if (position >= 0) return { series: series.uid, position };
  }
  let worst: Wish | null = null;
  let distance = 0;
  for (const wish of wishes) {
    const series = all.get(wish.series);
    if (!series) continue;
    for (const position of [firstStored(series), lastStored(series)]) {
      const away = Math.abs(position - wish.position);
      if (position >= 0 && away > distance) [worst, distance] = [{ series: wish.series, position }, away];
    }
  }
  return worst;
}

function firstStored(series: SeriesFrames): number {
  for (let position = 0; position < series.total; position++) if (series.hasPixels(position)) return position;
  return -1;
}

function lastStored(series: SeriesFrames): number {
  for (let position = series.total - 1; position >= 0; position--) if (series.hasPixels(position)) return position;
  return -1;
}

/** In which order frames are asked for: from where the person is outwards, ahead first. Pure. */

export type Range = [number, number];

const BLOCK = 8;
/** An address must stay short; what is left over is asked for next. */
const RANGES_MAX = 60;

/**
 * Ranges (both ends included) of the frames of 0..total-1 that are still `wanted`, blocks ahead of and behind `from`
 * in turn, twice as many ahead.
 */
export function outward(total: number, from: number, wanted: (position: number) => boolean, most = RANGES_MAX): Range[] {
  const ranges: Range[] = [];
  let ahead = from;
  let behind = from - 1;
  while ((ahead < total || behind >= 0) && ranges.length < most) {
    if (ahead < total) {
      addWanted(ranges, ahead, Math.min(ahead + 2 * BLOCK, total) - 1, wanted);
      ahead += 2 * BLOCK;
    }
    if (behind >= 0) {
      addWanted(ranges, Math.max(behind - BLOCK + 1, 0), behind, wanted);
      behind -= BLOCK;
    }
  }
  return joined(ranges);
}

function addWanted(ranges: Range[], first: number, last: number, wanted: (position: number) => boolean): void {
  let start = -1;
  for (let position = first; position <= last + 1; position++) {
    const isWanted = position <= last && wanted(position);
    if (isWanted && start < 0) start = position;
    if (!isWanted && start >= 0) {
      ranges.push([start, position - 1]);
      start = -1;
    }
  }
}

function joined(ranges: Range[]): Range[] {
  const result: Range[] = [];
  for (const [first, last] of ranges) {
    const before = result.at(-1);
    if (before && before[1] + 1 === first) before[1] = last;
    else result.push([first, last]);
  }
  return result;
}

/** Positions in their order as ranges, rising ones together. */
export function rangesOf(positions: number[]): Range[] {
  return joined(positions.map((position) => [position, position]));
}

export function rangesText(ranges: Range[]): string {
  return ranges.map(([first, last]) => (first === last ? String(first) : `${first}-${last}`)).join(",");
}

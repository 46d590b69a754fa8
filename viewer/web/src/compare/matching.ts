/** Which series of another study goes with a series: same kind of image, same part, same plane, most alike in words. Pure. */

export interface Likeness {
  uid: string;
  modality: string;
  number: number | null;
  description: string;
  body_part: string;
  laterality: string;
  frames: number;
  /** Empty for projections. */
  plane: string;
  slice_thickness: number | null;
  frame_of_reference: string;
}

/** Radiographs come under several names from one device to the next. */
const KIN: Record<string, string> = { CR: "X", DX: "X", RG: "X", RF: "F", XA: "F" };

/** The series of `others` that is most like `one`; null where none may stand beside it. */
export function matching(one: Likeness, others: Likeness[]): Likeness | null {
  let best: Likeness | null = null;
  let most = 0;
  for (const other of others) {
    const found = score(one, other);
    if (found > most) [best, most] = [other, found];
  }
  return best;
}

/** How much two series are alike; 0 where comparing them would mislead. */
export function score(one: Likeness, other: Likeness): number {
  if (kind(one) !== kind(other)) return 0;
  if (one.plane && other.plane && one.plane !== other.plane) return 0;
  if (one.laterality && other.laterality && one.laterality !== other.laterality) return 0;
  const part = partScore(one, other);
  if (part < 0) return 0;
  return 10 + part + 6 * wordsAlike(one, other) + 2 * sizesAlike(one.frames, other.frames) + thicknessAlike(one, other);
}

function kind({ modality }: Likeness): string {
  return KIN[modality] ?? modality;
}

/** 4 for the same part, 0 where one says none, -1 for different ones. */
function partScore(one: Likeness, other: Likeness): number {
  const [a, b] = [one.body_part, other.body_part].map((part) => part.trim().toUpperCase()) as [string, string];
  if (!a || !b) return 0;
  if (a === b) return 4;
  // CHEST and CHESTABDPELVIS: the one holds the other.
  return a.includes(b) || b.includes(a) ? 2 : -1;
}

/** Share of common words of the descriptions, without case and diacritics. */
function wordsAlike(one: Likeness, other: Likeness): number {
  const a = words(one.description);
  const b = words(other.description);
  if (!a.size || !b.size) return 0;
  const common = [...a].filter((word) => b.has(word)).length;
  return common / (a.size + b.size - common);
}

function words(text: string): Set<string> {
  const plain = text.normalize("NFD").replace(/\p{M}/gu, "").replace(/đ/gi, "d").toLowerCase();
  return new Set(plain.split(/[^\p{L}\p{N}]+/u).filter(Boolean));
}

function sizesAlike(a: number, b: number): number {
  return Math.min(a, b) / Math.max(a, b, 1);
}

function thicknessAlike(one: Likeness, other: Likeness): number {
  if (!one.slice_thickness || !other.slice_thickness) return 0;
  return sizesAlike(one.slice_thickness, other.slice_thickness);
}

/** Where two stacks were laid side by side: distances of the two slices along their normals, in mm. */
export interface Anchor {
  leader: number;
  follower: number;
}

/** Two studies were laid on the table alike when this much of the shorter stack lies within the other. */
const ALIKE = 0.8;

/**
 * The slice of `theirs` (mm along the normal) that goes with slice `place` of `ours`: at the same height where both stacks
 * lie about the same place, else at the same share of the stack's height; -1 where heights are unknown. Studies have
 * spaces of their own, so that this is a beginning and no registration.
 */
export function startAt(ours: (number | null)[], place: number, theirs: (number | null)[]): number {
  const height = ours[place] ?? null;
  const [own, other] = [extentOf(ours), extentOf(theirs)];
  if (height === null || !own || !other) return -1;
  const common = Math.min(own.top, other.top) - Math.max(own.bottom, other.bottom);
  const shorter = Math.min(own.top - own.bottom, other.top - other.bottom);
  if (common >= ALIKE * shorter) return follow({ leader: 0, follower: 0 }, height, theirs);
  const share = own.top > own.bottom ? (height - own.bottom) / (own.top - own.bottom) : 0.5;
  return follow({ leader: 0, follower: 0 }, other.bottom + share * (other.top - other.bottom), theirs);
}

function extentOf(heights: (number | null)[]): { bottom: number; top: number } | null {
  const known = heights.filter((height) => height !== null);
  if (!known.length) return null;
  return { bottom: known.reduce((a, b) => Math.min(a, b)), top: known.reduce((a, b) => Math.max(a, b)) };
}

/** The place in `heights` (mm along the normal) that goes with a leader's slice at `height`; -1 for none. */
export function follow(anchor: Anchor, height: number, heights: (number | null)[]): number {
  const wanted = anchor.follower + height - anchor.leader;
  let best = -1;
  let least = Infinity;
  heights.forEach((own, place) => {
    const away = own === null ? Infinity : Math.abs(own - wanted);
    if (away < least) [best, least] = [place, away];
  });
  return best;
}

/** Whether the study on the screen is still the one in the archive. Pure. */

/** More images came; some went; the whole study went. */
export type News = "same" | "more" | "fewer" | "gone";

export interface Held {
  uid: string;
  frames: number;
}

/** What happened between two lists of a study's series. Documents count for nothing: saved measurements are some. */
export function newsOf(before: readonly Held[], now: readonly Held[]): News {
  const present = new Map(now.map((series) => [series.uid, series.frames]));
  if (before.some(({ uid, frames }) => (present.get(uid) ?? 0) < frames)) return "fewer";
  const known = new Map(before.map((series) => [series.uid, series.frames]));
  return now.some(({ uid, frames }) => frames > (known.get(uid) ?? 0)) ? "more" : "same";
}

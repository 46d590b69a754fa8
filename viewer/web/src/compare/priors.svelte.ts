/** The patient's other studies: which there are, which one stands beside the present one. */

import type { Cell } from "../cell";
import { SeriesFrames } from "../frames";
import { theMeasurements } from "../measure";
import type { SeriesFacts } from "../page";
import type { Room } from "../room";
import { ask, wordsOf } from "../server";
import { beginBeside, dot, normalOf, planeOf, planesOf, planesOfSeries, type Plane } from "../sync";
import { t } from "../words";
import { follow, matching, startAt, type Anchor, type Likeness } from "./matching";

export interface Prior {
  study: string;
  date: string;
  time: string;
  description: string;
  accession: string;
  modalities: string[];
  series: number;
  instances: number;
  /** Name, birth date or sex disagree under the same patient ID. */
  doubtful: boolean;
  earlier: boolean;
}

export class Priors {
  list = $state.raw<Prior[] | null>(null);
  open = $state<Prior | null>(null);
  /** Series of the open study. */
  series = $state.raw<SeriesFacts[]>([]);
  problem = $state("");
  isBusy = $state(false);
  linked = $state(true);
  private anchors = new Map<Cell, { with: Cell; anchor: Anchor; leaderUid: string; followerUid: string }>();
  private following = false;

  constructor(readonly room: Room) {}

  async load(): Promise<void> {
    if (this.list) return;
    this.problem = "";
    try {
      const answer = await ask<{ studies: Prior[] }>(`/study/${this.room.page.study}/priors`);
      this.list = answer.studies;
    } catch (error) {
      this.problem = wordsOf(error);
    }
  }

  /** Open a study beside the active cell, with the series that goes with the one there. */
  async compare(prior: Prior): Promise<void> {
    const { room } = this;
    this.problem = "";
    this.isBusy = true;
    try {
      const [list, theirs, ours] = await Promise.all([
        ask<{ series: SeriesFacts[] }>(`/study/${prior.study}/series`),
        ask<{ series: Likeness[] }>(`/study/${prior.study}/likenesses`),
        ask<{ series: Likeness[] }>(`/study/${room.page.study}/likenesses`),
      ]);
      this.take(prior, list.series);
      void theMeasurements(room).load(prior.study);
      const current = ours.series.find((one) => one.uid === room.cell.series?.needs) ?? ours.series[0];
      const found = current ? matching(current, theirs.series) : null;
      if (!found && theirs.series.length) this.problem = t("No series of that study matches this one. Choose one below.");
      this.beside(found?.uid ?? theirs.series[0]?.uid);
    } catch (error) {
      this.problem = wordsOf(error);
    } finally {
      this.isBusy = false;
    }
  }

  private take(prior: Prior, series: SeriesFacts[]): void {
    const { room } = this;
    const exam = { study: prior.study, institution: "", description: prior.description, date: shownDate(prior.date), time: shownTime(prior.time), accession: prior.accession };
    const guests = series.map((one): SeriesFacts => ({ ...one, exam }));
    const known = new Set(room.guests.map((one) => one.uid));
    room.guests = [...room.guests, ...guests.filter((one) => !known.has(one.uid))];
    for (const one of guests) if (!room.library.has(one.uid)) room.library.add(new SeriesFrames(one.uid, one.frames, one.revision), prior.study);
    this.open = prior;
    this.series = guests.filter((one) => one.frames > 0);
  }

  /** Two cells: the present study, and `uid` beside it, where it goes with the slice that is shown. */
  beside(uid: string | undefined): void {
    const { room } = this;
    if (!uid) return;
    const shown = room.cell.series && !isGuest(room, room.cell) ? room.cell.series : null;
    const place = room.cell.position;
    const portrait = room.cell.box.height > room.cell.box.width * 1.2 && room.visible.length === 1;
    if (room.visible.length < 2) room.arrange(portrait ? { rows: 2, columns: 1 } : { rows: 1, columns: 2 });
    const [left, right] = room.visible as [Cell, Cell];
    if (shown && left.series !== shown) room.open(left, shown.uid, place);
    room.open(right, uid, (series) => beginBeside(room, right, series) ?? besideOther(left, series));
    // A window means the same in another study only where values do: in Hounsfield units.
    const isHu = [left.series?.uid, uid].every((one) => room.seriesFacts(one)?.modality === "CT");
    if (left.chosen && isHu) right.choose(left.chosen);
    room.activate(left.index);
    this.anchors.clear();
  }

  /** A cell was scrolled: its counterpart goes along. */
  scrolled(leader: Cell): void {
    if (!this.linked || this.following) return;
    const follower = this.partner(leader);
    if (!follower) return;
    this.following = true;
    if (!this.byPlace(leader, follower)) this.byShare(leader, follower);
    this.following = false;
  }

  /** From now on the slices as they stand belong together. */
  link(linked: boolean): void {
    this.linked = linked;
    this.anchors.clear();
    if (linked) for (const cell of this.room.visible) this.anchorOf(cell, this.partner(cell));
  }

  /** The cell beside: a guest's for one of this study, and the other way round. */
  private partner(cell: Cell): Cell | null {
    const { room } = this;
    if (!cell.series) return null;
    return room.visible.find((other) => other !== cell && other.series && isGuest(room, other) !== isGuest(room, cell)) ?? null;
  }

  private byPlace(leader: Cell, follower: Cell): boolean {
    const anchor = this.anchorOf(leader, follower);
    const height = heightOf(leader);
    if (!anchor || height === null) return false;
    const place = follow(anchor, height, heightsOf(planesOf(follower)));
    if (place >= 0) this.room.go(follower, place);
    return place >= 0;
  }

  private byShare(leader: Cell, follower: Cell): void {
    if (leader.total < 2 || follower.total < 2) return;
    this.room.go(follower, Math.round((leader.position / (leader.total - 1)) * (follower.total - 1)));
  }

  private anchorOf(leader: Cell, follower: Cell | null): Anchor | null {
    if (!follower?.series || !leader.series) return null;
    const kept = this.anchors.get(leader);
    if (kept?.with === follower && kept.leaderUid === leader.series.uid && kept.followerUid === follower.series.uid) return kept.anchor;
    const [own, other] = [heightBefore(leader), heightOf(follower)];
    if (own === null || other === null) return null;
    const anchor = { leader: own, follower: other };
    this.anchors.set(leader, { with: follower, anchor, leaderUid: leader.series.uid, followerUid: follower.series.uid });
    return anchor;
  }
}

export function isGuest(room: Room, cell: Cell): boolean {
  return room.seriesFacts(cell.series?.uid)?.exam !== undefined;
}

/** The slice of a series of another study that goes with the one in a cell: by height, else by its share of the way. */
function besideOther(cell: Cell, series: SeriesFrames): number {
  const place = startAt(heightsOf(planesOf(cell)), cell.position, heightsOf(planesOfSeries(series)));
  const share = cell.total > 1 ? cell.position / (cell.total - 1) : 0;
  return place >= 0 ? place : Math.round(share * (series.total - 1));
}

/** Where each slice lies along the normal of the first, towards the head, the back or the left; null for none. */
function heightsOf(planes: (Plane | null)[]): (number | null)[] {
  const first = planes.find((plane) => plane !== null);
  if (!first) return [];
  const normal = normalOf(first);
  const strongest = normal.reduce((best, part) => (Math.abs(part) > Math.abs(best) ? part : best), 0);
  return planes.map((plane) => (plane ? dot(plane.origin, normal) * Math.sign(strongest) : null));
}

function heightOf(cell: Cell): number | null {
  return planeOf(cell.facts) ? (heightsOf(planesOf(cell))[cell.position] ?? null) : null;
}

/** The slice that is still on the screen: what the eye has laid beside the other one. */
function heightBefore(cell: Cell): number | null {
  return heightsOf(planesOf(cell))[cell.shown >= 0 ? cell.shown : cell.position] ?? null;
}

export function shownDate(date: string): string {
  return /^\d{8}$/.test(date) ? `${date.slice(6)}/${date.slice(4, 6)}/${date.slice(0, 4)}` : date;
}

function shownTime(time: string): string {
  return /^\d{4}/.test(time) ? `${time.slice(0, 2)}:${time.slice(2, 4)}` : "";
}

const kept = new WeakMap<Room, Priors>();

export function thePriors(room: Room): Priors {
  let found = kept.get(room);
  if (!found) kept.set(room, (found = new Priors(room)));
  return found;
}

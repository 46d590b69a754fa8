/** The measurements of the study: mine, which can be changed and saved, and those of others. */

import type { Cell } from "../cell";
import type { Picture } from "../frames";
import type { Point } from "../placement";
import type { Room } from "../room";
import { ask, send, Stale, wordsOf } from "../server";
import { Reformat, theVolumes } from "../volume";
import { t } from "../words";
import { MADE, showImage, showPlane } from "./going";
import { newUid, received, sameImage, toSend, type Answer, type ImageRef, type Kind, type Measurement, type Told } from "./model";
import { groundOf, placedIn, pointsIn, sees, slabOf, type Ground } from "./placing";
import { isRegion, suvOf, valuesOf } from "./values";

export interface Others {
  study: string;
  author: string;
  madeAt: string;
  instance: string;
  measurements: Measurement[];
  leftOut: number;
}

/** A measurement as a cell shows it. */
export interface Shown {
  one: Measurement;
  /** In the picture that the cell shows. */
  points: Point[];
  isMine: boolean;
  /** Whether it is on this very picture, where it can be changed. */
  isHere: boolean;
  /** Whether the pixels here are those that its grey values speak of. */
  sees: boolean;
}

/** What was measured last, of which points and pixels; and on which slab, where all of its slices were here. */
interface Known {
  key: string;
  of: Picture["values"] | null;
  values: Measurement["values"];
  slab: Slab | null;
}

type Slab = ReturnType<typeof slabOf>;

export class Measurements {
  mine = $state<Measurement[]>([]);
  others = $state<Others[]>([]);
  selected = $state<string | null>(null);
  hidden = $state<ReadonlySet<string>>(new Set());
  allHidden = $state(false);
  maySave = $state(false);
  isSaving = $state(false);
  /** What was said last about loading or saving, and whether it is bad. */
  notice = $state<{ words: string; isBad: boolean } | null>(null);
  /** Studies with something to save; and for each that was read, the document that the next one follows. */
  private dirty = $state<ReadonlySet<string>>(new Set());
  private readonly based = new Map<string, string | null>();
  private readonly values = new Map<string, Known>();
  /** The planes on which new shapes were drawn, which measure them once more when they are saved. */
  private readonly homes = new Map<string, { made: Reformat; position: number }>();

  /** What can be taken back, the last at the end: shapes that were drawn, and those that were deleted. */
  private undoable = $state.raw<({ drawn: string } | { deleted: Measurement })[]>([]);

  constructor(readonly room: Room) {}

  private address(study: string): string {
    return `/study/${study}/measurements`;
  }

  /** Whether there is anything to save. */
  get isDirty(): boolean {
    return this.dirty.size > 0;
  }

  /** Whether something would be lost with the page, because it was not saved or cannot be. */
  get hasUnsaved(): boolean {
    return (this.isDirty && this.maySave) || this.mine.some(isMade);
  }

  /** The documents of a study, once. */
  async load(study = this.room.page.study): Promise<void> {
    if (this.based.has(study)) return;
    try {
      await this.room.library.calm();
      this.take(study, await ask<Answer>(this.address(study)), []);
    } catch (error) {
      this.notice = { words: wordsOf(error), isBad: true };
    }
  }

  /** Save what was measured, in each study by itself. */
  async save(said: string): Promise<void> {
    if (this.isSaving) return;
    this.isSaving = true;
    try {
      let isWhole = true;
      for (const study of this.dirty) isWhole = (await this.saveIn(study)) && isWhole;
      const later = t("Saved, but without grey values of regions whose images are not here yet. Save again later to add them.");
      this.notice = { words: isWhole ? said : later, isBad: false };
    } catch (error) {
      this.notice = { words: wordsOf(error), isBad: true };
    } finally {
      this.isSaving = false;
    }
  }

  /** Save a study's; false where grey values are still to come, as the images under them are not here. */
  private async saveIn(study: string): Promise<boolean> {
    if (!this.based.has(study)) this.take(study, await ask<Answer>(this.address(study)), []);
    const sent = this.mine.filter((one) => one.study === study && one.kind !== "other" && !isMade(one));
    const measured = sent.map((one) => this.asMeasured(one));
    const body = { measurements: measured.map(toSend), based_on: this.based.get(study) ?? null };
    try {
      this.take(study, await send<Answer>(this.address(study), body, this.room.page), sent);
    } catch (error) {
      // What was saved elsewhere comes beside what is here; nothing of either is lost.
      if (error instanceof Stale) this.take(study, await ask<Answer>(this.address(study)), []);
      throw error;
    }
    const isWhole = measured.every((one) => !this.homes.has(one.uid) || !lacksGrey(one));
    if (!isWhole) this.touch(study);
    return isWhole;
  }

  /** Take in what the server keeps; what was drawn, changed or deleted while the answer was on its way stays so. */
  private take(study: string, answer: Answer, sent: Measurement[]): void {
    const own = answer.documents.find((document) => document.is_mine);
    this.based.set(study, own?.instance ?? null);
    const isOf = (one: Measurement) => one.study === study && !isMade(one);
    const touched = this.mine.filter((one) => isOf(one) && !sent.includes(one));
    const left = new Set(this.mine.map((one) => one.uid));
    const gone = sent.filter((one) => !left.has(one.uid));
    const known = new Set([...touched, ...gone].map((one) => one.uid));
    const kept = (own?.measurements ?? []).filter((one) => !known.has(one.uid)).map((one) => received(one, study));
    this.mine = [...kept, ...touched, ...this.mine.filter((one) => !isOf(one))];
    const others = answer.documents.filter((document) => document !== own).map((document) => othersOf(document, study));
    this.others = [...this.others.filter((one) => one.study !== study), ...others];
    this.maySave = answer.may_save;
    if (!touched.length && !gone.length) this.dirty = new Set([...this.dirty].filter((one) => one !== study));
    for (const [uid, { slab }] of this.values) if (!slab) this.values.delete(uid);
  }

  /**
   * With the grey values of a made plane, which the server cannot know: of the pixels that are here, else as they were found
   * last, as slices are given back when memory is short. The shape itself needs no pixels, and waits for none.
   */
  private asMeasured(one: Measurement): Measurement {
    const home = this.homes.get(one.uid);
    const { plane } = one;
    if (!plane || !home || !lacksGrey(one)) return one;
    const { made, position } = home;
    const picture = made.isReady(one.space) ? made.anew(position) : null;
    const points = picture && pointsIn(one, picture.facts, made);
    if (picture && points) return { ...one, plane: { ...plane, ...slabOf(made) }, values: valuesOf({ kind: one.kind, points }, picture.facts, picture) };
    const known = this.values.get(one.uid);
    return known?.slab && known.key === keyOf(one) ? { ...one, plane: { ...plane, ...known.slab }, values: known.values } : one;
  }

  private touch(study: string): void {
    this.dirty = new Set([...this.dirty, study]);
  }

  /** The image in a cell as documents name it. */
  imageOf(cell: Cell): ImageRef | null {
    const facts = cell.facts;
    if (!facts || facts.problem) return null;
    // A plane made here is no stored image, and has a name on this screen only.
    return { instance: facts.sop || `${MADE}${cell.series?.uid}/`, frame: facts.frame_number };
  }

  /** What is to be drawn over the image in a cell. */
  on(cell: Cell): Shown[] {
    if (this.allHidden) return [];
    const here = (all: Measurement[], isMine: boolean) => all.flatMap((one) => (this.hidden.has(one.uid) ? [] : (this.shownOn(one, cell, isMine) ?? [])));
    return [...here(this.mine, true), ...this.others.flatMap((document) => here(document.measurements, false))];
  }

  private shownOn(one: Measurement, cell: Cell, isMine: boolean): Shown | null {
    const points = this.pointsOn(one, cell);
    return points && { one, points, isMine, isHere: this.groundOn(one, cell) !== null, sees: sees(one, cell.facts, cell.series) };
  }

  /** Where a measurement lies in the picture in a cell; null where it is not to be seen there. */
  pointsOn(one: Measurement, cell: Cell): Point[] | null {
    if (!cell.facts || cell.facts.problem) return null;
    return sameImage(one.image, this.imageOf(cell)) ? one.points : pointsIn(one, cell.facts, cell.series);
  }

  /** The picture in a cell as the ground of a measurement: the very one that it is on; null where it is another. */
  private groundOn(one: Measurement, cell: Cell): Ground | null {
    const { facts, series } = cell;
    if (!facts || facts.problem || !series) return null;
    if (sameImage(one.image, this.imageOf(cell))) return { series, position: cell.position, facts, points: one.points };
    return groundOf(one, facts, series, cell.position);
  }

  /** Whether a cell shows the very picture that a measurement is on. */
  isOn(one: Measurement, cell: Cell): boolean {
    return this.groundOn(one, cell) !== null;
  }

  /** The values of the pixels inside a region; none where the cell shows another picture. */
  pixelsOf(one: Measurement, cell: Cell | undefined): { points: Point[]; picture: Picture } | null {
    const ground = cell && this.groundOn(one, cell);
    const picture = ground?.series.picture(ground.position);
    return ground && picture && !picture.isColour && isRegion(one) ? { points: ground.points, picture } : null;
  }

  /** Add a shape on the image in a cell; nothing where that is no image. */
  add(kind: Kind, cell: Cell, points: Point[], name = ""): void {
    const place = this.placed(cell, points);
    if (!place) return;
    const one: Measurement = { uid: newUid(), study: this.room.studyOf(cell), kind, ...place, name, values: [] };
    this.mine = [...this.mine, one];
    this.selected = one.uid;
    this.undoable = [...this.undoable, { drawn: one.uid }];
    this.remember(one.uid, cell);
    if (!isMade(one)) this.touch(one.study);
  }

  /** The points of a measurement are now these, of the picture in a cell. */
  reshape(uid: string, points: Point[], cell: Cell): void {
    const place = this.placed(cell, points);
    if (!place) return;
    this.mine = this.mine.map((one) => (one.uid === uid ? { ...one, ...place, values: [] } : one));
    this.remember(uid, cell);
    this.touched(uid);
  }

  private placed(cell: Cell, points: Point[]) {
    const image = this.imageOf(cell);
    return image && cell.facts && placedIn(image, points, cell.facts, cell.series);
  }

  /** The plane on which a shape was drawn measures it when it is saved. */
  private remember(uid: string, cell: Cell): void {
    const made = theVolumes(this.room).of(cell);
    if (made) this.homes.set(uid, { made, position: cell.position });
  }

  rename(uid: string, name: string): void {
    this.mine = this.mine.map((one) => (one.uid === uid ? { ...one, name } : one));
    this.touched(uid);
  }

  remove(uid: string): void {
    const one = this.mine.find((other) => other.uid === uid);
    this.leaveOut(uid);
    if (one) this.undoable = [...this.undoable, { deleted: one }];
  }

  private leaveOut(uid: string): void {
    this.touched(uid);
    this.mine = this.mine.filter((one) => one.uid !== uid);
    if (this.selected === uid) this.selected = null;
  }

  get canUndo(): boolean {
    return this.undoable.length > 0;
  }

  /** Take back the last shape that was drawn, or bring back the last one that was deleted. */
  undo(): void {
    const last = this.undoable.at(-1);
    if (!last) return;
    this.undoable = this.undoable.slice(0, -1);
    if ("drawn" in last) this.leaveOut(last.drawn);
    else {
      this.mine = [...this.mine, last.deleted];
      this.selected = last.deleted.uid;
      this.touched(last.deleted.uid);
    }
  }

  private touched(uid: string): void {
    const one = this.mine.find((other) => other.uid === uid);
    if (one && !isMade(one)) this.touch(one.study);
  }

  toggle(uid: string): void {
    const hidden = new Set(this.hidden);
    if (!hidden.delete(uid)) hidden.add(uid);
    this.hidden = hidden;
  }

  /** Values as of now, on the picture that it is on; elsewhere those that were kept, or found last. */
  valuesOf(one: Measurement, cell: Cell | undefined): Measurement["values"] {
    // What was measured on a made plane stays as it was kept: no stored image has those pixels.
    const isKept = one.kind === "other" || (one.space.length > 0 && one.values.length > 0 && !lacksGrey(one));
    const ground = (cell && this.groundOn(one, cell)) ?? null;
    if (isKept) return ground ? [...one.values, ...suvOf(one.values, ground.facts)] : one.values;
    const key = keyOf(one);
    const known = this.values.get(one.uid);
    const last = known?.key === key && !one.values.length ? known.values : one.values;
    return ground ? this.measured(one, ground, last) : last;
  }

  private measured(one: Measurement, { series, position, facts, points }: Ground, last: Measurement["values"]): Measurement["values"] {
    const picture = series.picture(position);
    if (isRegion(one) && !picture && last.length) return last;
    // A plane that is made here gets other values with a thicker slab, and while its series is still coming.
    const of = picture?.values ?? null;
    const key = keyOf(one);
    const known = this.values.get(one.uid);
    if (known?.key === key && known.of === of) return known.values;
    const values = valuesOf({ kind: one.kind, points }, facts, picture);
    const slab = of && series instanceof Reformat && series.isReady(one.space) ? slabOf(series) : null;
    // What was found whole stays what it was while slices are given back.
    if (slab || !known?.slab || known.key !== key) this.values.set(one.uid, { key, of, values, slab });
    return values;
  }

  /** Show the image of a measurement in the active cell. */
  async jump(one: Measurement): Promise<void> {
    this.selected = one.uid;
    if (one.image) await showImage(this.room, one.image);
    else if (one.space.length) {
      const problem = await showPlane(this.room, one);
      if (problem) this.notice = { words: problem, isBad: true };
    }
  }
}

function keyOf(one: Measurement): string {
  return JSON.stringify(one.space.length ? one.space : one.points);
}

/** Whether it is a region of a made plane whose grey values nobody has measured yet. */
function lacksGrey(one: Measurement): boolean {
  return one.plane !== null && isRegion(one) && !one.values.some(({ name }) => name === "mean");
}

/** Whether it is on a plane that no document can name, as its images have no frame of reference. */
export function isMade(one: Measurement): boolean {
  return one.image?.instance.startsWith(MADE) ?? false;
}

function othersOf(document: Told, study: string): Others {
  return {
    study,
    author: document.author,
    madeAt: document.made_at,
    instance: document.instance,
    measurements: document.measurements.map((one) => received(one, study)),
    leftOut: document.left_out,
  };
}

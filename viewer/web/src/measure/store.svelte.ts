/** The measurements of the study: mine, which can be changed and saved, and those of others. */

import type { Cell } from "../cell";
import type { Facts, Picture } from "../frames";
import type { Room } from "../room";
import { ask, send, Stale, wordsOf } from "../server";
import { newUid, received, sameImage, toSend, type Answer, type ImageRef, type Kind, type Measurement, type Told } from "./model";
import type { Point } from "../placement";
import { theVolumes } from "../volume";
import { isRegion, valuesOf } from "./values";

const MADE = "~";

export interface Others {
  study: string;
  author: string;
  madeAt: string;
  instance: string;
  measurements: Measurement[];
  leftOut: number;
}

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
  private readonly values = new Map<string, { key: string; of: Picture["values"] | null; values: Measurement["values"] }>();

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
      for (const study of this.dirty) await this.saveIn(study);
      this.notice = { words: said, isBad: false };
    } catch (error) {
      this.notice = { words: wordsOf(error), isBad: true };
    } finally {
      this.isSaving = false;
    }
  }

  private async saveIn(study: string): Promise<void> {
    if (!this.based.has(study)) this.take(study, await ask<Answer>(this.address(study)), []);
    const sent = this.mine.filter((one) => one.study === study && one.kind !== "other" && !isMade(one));
    const body = { measurements: sent.map(toSend), based_on: this.based.get(study) ?? null };
    try {
      this.take(study, await send<Answer>(this.address(study), body, this.room.page), sent);
    } catch (error) {
      // What was saved elsewhere comes beside what is here; nothing of either is lost.
      if (error instanceof Stale) this.take(study, await ask<Answer>(this.address(study)), []);
      throw error;
    }
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
    this.values.clear();
  }

  private touch(study: string): void {
    this.dirty = new Set([...this.dirty, study]);
  }

  /** The image in a cell as documents name it. */
  imageOf(cell: Cell): ImageRef | null {
    const facts = cell.facts;
    if (!facts || facts.problem) return null;
    // A plane made here is no stored image: what is measured on it stays on this screen.
    return { instance: facts.sop || `${MADE}${cell.series?.uid}/`, frame: facts.frame_number };
  }

  /** What is to be drawn over the image in a cell. */
  on(cell: Cell): { one: Measurement; isMine: boolean }[] {
    const image = this.imageOf(cell);
    if (!image || this.allHidden) return [];
    const here = (all: Measurement[], isMine: boolean) =>
      all.filter((one) => sameImage(one.image, image) && !this.hidden.has(one.uid)).map((one) => ({ one, isMine }));
    return [...here(this.mine, true), ...this.others.flatMap((document) => here(document.measurements, false))];
  }

  /** Add a shape on the image in a cell; nothing where that is no image. */
  add(kind: Kind, cell: Cell, points: Point[], name = ""): void {
    const image = this.imageOf(cell);
    if (!image) return;
    const one: Measurement = { uid: newUid(), study: this.room.studyOf(cell), kind, image, points, name, values: [] };
    this.mine = [...this.mine, one];
    this.selected = one.uid;
    if (!isMade(one)) this.touch(one.study);
  }

  change(uid: string, part: Partial<Pick<Measurement, "points" | "name">>): void {
    this.mine = this.mine.map((one) => (one.uid === uid ? { ...one, ...part, values: part.points ? [] : one.values } : one));
    this.touched(uid);
  }

  remove(uid: string): void {
    this.touched(uid);
    this.mine = this.mine.filter((one) => one.uid !== uid);
    if (this.selected === uid) this.selected = null;
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

  /** Values as of now; those that were kept, while their picture is not here. */
  valuesOf(one: Measurement, facts: Facts | undefined, picture: Picture | null): Measurement["values"] {
    if (!facts || facts.problem || one.kind === "other") return one.values;
    if (isRegion(one) && !picture && one.values.length) return one.values;
    // A plane that is made here gets other values with a thicker slab, and while its series is still coming.
    const of = picture?.values ?? null;
    const key = JSON.stringify(one.points);
    const known = this.values.get(one.uid);
    if (known?.key === key && known.of === of) return known.values;
    const values = valuesOf(one, facts, picture);
    this.values.set(one.uid, { key, of, values });
    return values;
  }

  /** Show the image of a measurement in the active cell. */
  async jump(one: Measurement): Promise<void> {
    this.selected = one.uid;
    if (one.image) await this.showImage(one.image);
  }

  /** Show an image in the cell that has its series, else in the active one; false where it is not found. */
  async showImage(image: ImageRef): Promise<boolean> {
    const found = await this.find(image);
    if (!found) return false;
    const { room } = this;
    const cell = room.visible.find((other) => other.series?.uid === found.series) ?? room.cell;
    room.activate(cell.index);
    if (cell.series?.uid === found.series) room.go(cell, found.position);
    else room.open(cell, found.series, found.position);
    return true;
  }

  private async find(image: ImageRef): Promise<{ series: string; position: number } | null> {
    const { room } = this;
    if (image.instance.startsWith(MADE)) {
      const [series, sop] = image.instance.slice(MADE.length).split("/") as [string, string];
      if (!room.library.has(series) && !(await theVolumes(room).remake(series))) return null;
      const position = room.library.get(series).facts.findIndex((facts) => facts?.sop === sop && facts.frame_number === image.frame);
      return position >= 0 ? { series, position } : null;
    }
    const shown = room.visible.map((cell) => cell.series?.uid).filter((uid) => uid !== undefined);
    const guests = room.guests.filter((series) => series.frames > 0);
    for (const uid of new Set([...shown, ...[...room.series, ...guests].map((series) => series.uid)])) {
      await room.library.factsOf(uid);
      const position = room.library.get(uid).facts.findIndex((facts) => facts?.sop === image.instance && facts.frame_number === image.frame);
      if (position >= 0) return { series: uid, position };
    }
    return null;
  }
}

/** Whether it was drawn on a plane that is no stored image. */
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

/** The measurements of the study: mine, which can be changed and saved, and those of others. */

import type { Cell } from "../cell";
import type { Facts, Picture } from "../frames";
import type { Room } from "../room";
import { ask, send, wordsOf } from "../server";
import { newUid, received, sameImage, toSend, type Answer, type ImageRef, type Kind, type Measurement, type Told } from "./model";
import type { Point } from "../placement";
import { isRegion, valuesOf } from "./values";

const MADE = "~";

export interface Others {
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
  isDirty = $state(false);
  isSaving = $state(false);
  /** What was said last about loading or saving, and whether it is bad. */
  notice = $state<{ words: string; isBad: boolean } | null>(null);
  private basedOn: string | null = null;
  private readonly values = new Map<string, { key: string; values: Measurement["values"] }>();

  constructor(readonly room: Room) {}

  private get address(): string {
    return `/study/${this.room.page.study}/measurements`;
  }

  async load(): Promise<void> {
    try {
      await this.room.library.calm();
      this.take(await ask<Answer>(this.address));
    } catch (error) {
      this.notice = { words: wordsOf(error), isBad: true };
    }
  }

  async save(said: string): Promise<void> {
    if (this.isSaving) return;
    this.isSaving = true;
    try {
      const body = { measurements: this.mine.filter((one) => one.kind !== "other" && !isMade(one)).map(toSend), based_on: this.basedOn };
      this.take(await send<Answer>(this.address, body, this.room.page.token));
      this.notice = { words: said, isBad: false };
    } catch (error) {
      this.notice = { words: wordsOf(error), isBad: true };
    } finally {
      this.isSaving = false;
    }
  }

  private take(answer: Answer): void {
    const own = answer.documents.find((document) => document.is_mine);
    this.basedOn = own?.instance ?? null;
    this.mine = [...(own?.measurements ?? []).map(received), ...this.mine.filter(isMade)];
    this.others = answer.documents.filter((document) => document !== own).map(othersOf);
    this.maySave = answer.may_save;
    this.isDirty = false;
    this.values.clear();
  }

  /** The image in a cell as documents name it. */
  imageOf(cell: Cell): ImageRef | null {
    const facts = cell.facts;
    if (!facts || facts.problem) return null;
    // A plane made here is no stored image, and another study has its own reports: what is measured stays on this screen.
    const isElsewhere = this.room.seriesFacts(cell.series?.uid)?.exam !== undefined;
    return { instance: facts.sop && !isElsewhere ? facts.sop : `${MADE}${cell.series?.uid}/${facts.sop}`, frame: facts.frame_number };
  }

  /** What is to be drawn over the image in a cell. */
  on(cell: Cell): { one: Measurement; isMine: boolean }[] {
    const image = this.imageOf(cell);
    if (!image || this.allHidden) return [];
    const here = (all: Measurement[], isMine: boolean) =>
      all.filter((one) => sameImage(one.image, image) && !this.hidden.has(one.uid)).map((one) => ({ one, isMine }));
    return [...here(this.mine, true), ...this.others.flatMap((document) => here(document.measurements, false))];
  }

  add(kind: Kind, image: ImageRef, points: Point[], name = ""): Measurement {
    const one: Measurement = { uid: newUid(), kind, image, points, name, values: [] };
    this.mine = [...this.mine, one];
    this.selected = one.uid;
    this.isDirty = true;
    return one;
  }

  change(uid: string, part: Partial<Pick<Measurement, "points" | "name">>): void {
    this.mine = this.mine.map((one) => (one.uid === uid ? { ...one, ...part, values: part.points ? [] : one.values } : one));
    this.isDirty = true;
  }

  remove(uid: string): void {
    this.mine = this.mine.filter((one) => one.uid !== uid);
    if (this.selected === uid) this.selected = null;
    this.isDirty = true;
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
    const key = JSON.stringify(one.points) + (picture ? "+" : "-");
    const known = this.values.get(one.uid);
    if (known?.key === key) return known.values;
    const values = valuesOf(one, facts, picture);
    this.values.set(one.uid, { key, values });
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
      if (!room.library.has(series)) return null;
      const position = room.library.get(series).facts.findIndex((facts) => facts?.sop === sop && facts.frame_number === image.frame);
      return position >= 0 ? { series, position } : null;
    }
    const shown = room.visible.map((cell) => cell.series?.uid).filter((uid) => uid !== undefined);
    for (const uid of new Set([...shown, ...room.series.map((series) => series.uid)])) {
      await room.library.factsOf(uid);
      const position = room.library.get(uid).facts.findIndex((facts) => facts?.sop === image.instance && facts.frame_number === image.frame);
      if (position >= 0) return { series: uid, position };
    }
    return null;
  }
}

/** Whether it was drawn on a plane that is no stored image, or on one of another study. */
export function isMade(one: Measurement): boolean {
  return one.image?.instance.startsWith(MADE) ?? false;
}

function othersOf(document: Told): Others {
  return {
    author: document.author,
    madeAt: document.made_at,
    instance: document.instance,
    measurements: document.measurements.map(received),
    leftOut: document.left_out,
  };
}

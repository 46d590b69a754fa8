/** What the reader keeps with the study besides measurements: key images and views. */

import type { Cell } from "../cell";
import { sameImage, showImage, theMeasurements, toSend, type ImageRef } from "../measure";
import type { Turn } from "../placement";
import type { Room } from "../room";
import { ask, send, Stale, wordsOf } from "../server";
import type { VoiFunction, Window } from "../windowing";
import { areaOf, placementFor, type Area } from "./view";

interface Document {
  instance: string;
  author: string;
  is_mine: boolean;
  made_at: string;
}

interface KeyDocument extends Document {
  images: ImageRef[];
  description: string;
}

export interface Graphic {
  type: string;
  points: [number, number][];
  filled: boolean;
  is_on_image: boolean;
}

export interface KeptView extends Document {
  name: string;
  images: ImageRef[];
  window: { center: number; width: number; function: VoiFunction } | null;
  invert: boolean;
  rotation: Turn;
  flip: boolean;
  area: Area | null;
  graphics: Graphic[];
  texts: { text: string; points: [number, number][]; is_on_image: boolean }[];
}

interface Answer<T> {
  documents: T[];
  may_save: boolean;
}

export class Kept {
  mine = $state<ImageRef[]>([]);
  others = $state<KeyDocument[]>([]);
  views = $state<KeptView[]>([]);
  /** The view that is on the screen, for its graphics. */
  applied = $state.raw<KeptView | null>(null);
  maySave = $state(false);
  isDirty = $state(false);
  isSaving = $state(false);
  notice = $state<{ words: string; isBad: boolean } | null>(null);
  private basedOn: string | null = null;
  /** The windows in which images were marked here: a Key Object has none, and paper should look as the screen did. */
  private readonly windows = new Map<string, Window>();

  constructor(readonly room: Room) {}

  async load(): Promise<void> {
    try {
      await this.room.library.calm();
      const [keys, views] = await Promise.all([ask<Answer<KeyDocument>>(this.address("key-images")), ask<Answer<KeptView>>(this.address("views"))]);
      // What was marked while the answer was on its way stays marked.
      const [marked, isDirty] = [this.mine, this.isDirty];
      this.takeKeys(keys);
      this.mine = [...this.mine, ...marked.filter((one) => !this.isKey(one))];
      this.isDirty = isDirty;
      this.views = views.documents;
    } catch (error) {
      this.notice = { words: wordsOf(error), isBad: true };
    }
  }

  /** The stored image of this study in a cell; null for made planes and for other studies. */
  imageOf(cell: Cell): ImageRef | null {
    const image = theMeasurements(this.room).imageOf(cell);
    return image && !image.instance.startsWith("~") && this.room.studyOf(cell) === this.room.page.study ? image : null;
  }

  isKey(image: ImageRef | null): boolean {
    return this.mine.some((one) => sameImage(one, image));
  }

  isOthersKey(image: ImageRef | null): boolean {
    return this.others.some((document) => document.images.some((one) => sameImage(one, image)));
  }

  /** The window that an image was marked in; undefined where that was not here, or its own. */
  windowOf(image: ImageRef): Window | undefined {
    return this.windows.get(keyOf(image));
  }

  toggle(image: ImageRef | null): void {
    if (!image) return;
    const { cell } = this.room;
    const isHere = sameImage(this.imageOf(cell), image);
    if (isHere && cell.chosen?.kind === "window") this.windows.set(keyOf(image), cell.chosen.window);
    else this.windows.delete(keyOf(image));
    this.mine = this.isKey(image) ? this.mine.filter((one) => !sameImage(one, image)) : [...this.mine, image];
    this.isDirty = true;
  }

  async saveKeys(said: string): Promise<void> {
    await this.saving(said, async () => {
      const sent = this.mine;
      const body = { images: sent, description: "", based_on: this.basedOn };
      const answer = await send<Answer<KeyDocument>>(this.address("key-images"), body, this.room.page).catch(async (error: unknown) => {
        if (error instanceof Stale) await this.join(sent);
        throw error;
      });
      const now = this.mine;
      this.takeKeys(answer);
      // What was marked while the answer was on its way stays marked.
      if (now !== sent) [this.mine, this.isDirty] = [now, true];
    });
  }

  async saveView(name: string, said: string): Promise<void> {
    const { cell } = this.room;
    const image = this.imageOf(cell);
    const { facts } = cell;
    if (!image || !facts) return;
    const { pose } = cell.placement;
    const window = cell.window && { center: cell.window.center, width: cell.window.width, function: cell.window.function };
    const drawn = theMeasurements(this.room).mine.filter((one) => one.kind !== "other" && sameImage(one.image, image));
    const area = areaOf(cell.placement, facts, cell.box);
    await this.saving(said, async () => {
      const body = { name, image, window, invert: cell.inverted, rotation: pose.rotate, flip: pose.flip, area, measurements: drawn.map((one) => ({ ...toSend(one) })) };
      this.views = (await send<Answer<KeptView>>(this.address("views"), body, this.room.page)).documents;
    });
  }

  /** Show a kept view in the active cell. */
  async apply(view: KeptView): Promise<void> {
    const image = view.images[0];
    if (!image) return;
    if (!(await showImage(this.room, image))) return;
    const { cell } = this.room;
    const { facts } = cell;
    if (!facts) return;
    cell.choose(view.window && { kind: "window", window: view.window });
    cell.setInverted(view.invert);
    cell.place(placementFor(view.area, { rotate: view.rotation, flip: view.flip }, facts, cell.box));
    this.applied = view;
  }

  /** Take in what was chosen elsewhere, beside what is chosen here. */
  private async join(sent: ImageRef[]): Promise<void> {
    this.takeKeys(await ask<Answer<KeyDocument>>(this.address("key-images")));
    this.mine = [...this.mine, ...sent.filter((one) => !this.isKey(one))];
    this.isDirty = true;
  }

  private takeKeys(answer: Answer<KeyDocument>): void {
    const own = answer.documents.find((document) => document.is_mine);
    this.basedOn = own?.instance ?? null;
    this.mine = own?.images ?? [];
    this.others = answer.documents.filter((document) => document !== own && document.images.length > 0);
    this.maySave = answer.may_save;
    this.isDirty = false;
  }

  private async saving(said: string, work: () => Promise<void>): Promise<void> {
    if (this.isSaving) return;
    this.isSaving = true;
    try {
      await work();
      this.notice = { words: said, isBad: false };
    } catch (error) {
      this.notice = { words: wordsOf(error), isBad: true };
    } finally {
      this.isSaving = false;
    }
  }

  private address(what: string): string {
    return `/study/${this.room.page.study}/${what}`;
  }
}

function keyOf({ instance, frame }: ImageRef): string {
  return `${instance}/${frame}`;
}

const kept = new WeakMap<Room, Kept>();

export function theKept(room: Room): Kept {
  let found = kept.get(room);
  if (!found) kept.set(room, (found = new Kept(room)));
  return found;
}

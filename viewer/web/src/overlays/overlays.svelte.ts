/** What is laid over the images: segments, contours, and another series in colour. */

import { paddingValues, type Cell } from "../cell";
import type { ColourMap } from "../palettes";
import { extent, type SeriesFrames } from "../frames";
import type { SeriesFacts } from "../page";
import type { Room } from "../room";
import { ask, wordsOf } from "../server";
import { theVolumes, type Volume } from "../volume";
import { limitsOf } from "../windowing";

type Rgb = [number, number, number];

interface ImageRef {
  instance: string;
  frame: number;
}

export interface Structure {
  key: string;
  number: number;
  name: string;
  color: Rgb;
}

interface Segmentation {
  segments: { number: number; label: string; color: Rgb }[];
  frames: { frame: number; segment: number; image: ImageRef | null }[];
  is_labelmap: boolean;
}

interface Structures {
  structures: { number: number; name: string; color: Rgb }[];
  contours: { structure: number; image: ImageRef; closed: boolean; points: [number, number][] }[];
  unplaced: number;
}

/** One object that lies over images. */
export interface Overlay {
  instance: string;
  title: string;
  kind: "segments" | "contours";
  structures: Structure[];
  unplaced: number;
}

export interface Mask {
  structure: Structure;
  address: string;
}

export interface Contour {
  structure: Structure;
  closed: boolean;
  points: [number, number][];
}

export interface Fusion {
  series: SeriesFrames;
  volume: Volume;
  /** To SUV, or 1. */
  factor: number;
  isSuv: boolean;
  /** Values that get the first and the last colour; below the first, nothing is laid over. */
  limits: [number, number];
  /** What the sliders reach. */
  reach: [number, number];
  opacity: number;
  map: ColourMap;
}

const SUV_MOST = 8;

export class Overlays {
  list = $state.raw<Overlay[]>([]);
  hidden = $state<ReadonlySet<string>>(new Set());
  opacity = $state(0.45);
  fusion = $state.raw<Fusion | null>(null);
  problem = $state("");
  isBusy = $state(false);
  private readonly masks = new Map<string, Mask[]>();
  private readonly contours = new Map<string, Contour[]>();
  private readonly opened = new Set<string>();
  private wishes = 0;

  constructor(readonly room: Room) {}

  /** Series that hold segments or contours. */
  get candidates(): SeriesFacts[] {
    return this.room.page.series.filter((series) => series.modality === "SEG" || series.modality === "RTSTRUCT");
  }

  /** Series that are mostly looked at over others in colour. */
  get functional(): SeriesFacts[] {
    return this.room.series.filter(isFunctional);
  }

  /** Any other stack can be laid over one in the same space too: parametric maps, diffusion, another sequence. */
  get others(): SeriesFacts[] {
    return this.room.series.filter((series) => !isFunctional(series) && series.frames >= SLICES_LEAST && !FLAT.has(series.modality));
  }

  /** Whether what is laid over has a place on any image that is shown. */
  get isInSight(): boolean {
    const { fusion, room } = this;
    const space = fusion?.series.known?.frame_of_reference;
    return !fusion || room.visible.some((cell) => cell.series?.needs !== fusion.series.uid && !!space && cell.facts?.frame_of_reference === space);
  }

  async open(series: SeriesFacts): Promise<void> {
    if (this.opened.has(series.uid)) return;
    this.opened.add(series.uid);
    this.isBusy = true;
    this.problem = "";
    try {
      for (const instance of await this.instancesOf(series)) {
        if (series.modality === "SEG") await this.takeSegmentation(instance, series);
        else await this.takeStructures(instance, series);
      }
    } catch (error) {
      this.problem = wordsOf(error);
      this.opened.delete(series.uid);
    } finally {
      this.isBusy = false;
    }
  }

  private async instancesOf(series: SeriesFacts): Promise<string[]> {
    if (series.modality !== "SEG") {
      const { documents } = await ask<{ documents: { instance: string }[] }>(`${this.study}/series/${series.uid}/documents`);
      return documents.map((one) => one.instance);
    }
    await this.room.library.factsOf(series.uid);
    return [...new Set(this.room.library.get(series.uid).facts.flatMap((facts) => (facts?.sop ? [facts.sop] : [])))];
  }

  private async takeSegmentation(instance: string, series: SeriesFacts): Promise<void> {
    const told = await ask<Segmentation>(`${this.study}/instances/${instance}/segmentation`);
    const structures = told.segments.map(({ number, label, color }): Structure => ({ key: `${instance}/${number}`, number, name: label, color }));
    for (const { frame, segment, image } of told.frames) {
      if (!image) continue;
      const shown = told.is_labelmap ? structures : structures.filter((one) => one.number === segment);
      for (const structure of shown) {
        const address = `${this.study}/instances/${instance}/frames/${frame}/mask?segment=${structure.number}`;
        put(this.masks, image, { structure, address });
      }
    }
    const unplaced = told.frames.filter((frame) => !frame.image).length;
    this.list = [...this.list, { instance, title: series.description || series.modality, kind: "segments", structures, unplaced }];
  }

  private async takeStructures(instance: string, series: SeriesFacts): Promise<void> {
    const told = await ask<Structures>(`${this.study}/instances/${instance}/structures`);
    const structures = told.structures.map(({ number, name, color }): Structure => ({ key: `${instance}/${number}`, number, name, color }));
    const byNumber = new Map(structures.map((one) => [one.number, one]));
    for (const { structure: number, image, closed, points } of told.contours) {
      const structure = byNumber.get(number);
      if (structure) put(this.contours, image, { structure, closed, points });
    }
    this.list = [...this.list, { instance, title: series.description || series.modality, kind: "contours", structures, unplaced: told.unplaced }];
  }

  masksOn(cell: Cell): Mask[] {
    void this.list;
    return (this.masks.get(keyOf(cell)) ?? []).filter(({ structure }) => !this.hidden.has(structure.key));
  }

  contoursOn(cell: Cell): Contour[] {
    void this.list;
    return (this.contours.get(keyOf(cell)) ?? []).filter(({ structure }) => !this.hidden.has(structure.key));
  }

  toggle(key: string): void {
    const hidden = new Set(this.hidden);
    if (!hidden.delete(key)) hidden.add(key);
    this.hidden = hidden;
  }

  /** Lay a series over the others in colour; null to take it away. */
  async fuse(series: SeriesFacts | null): Promise<void> {
    const wish = ++this.wishes;
    this.problem = "";
    // Its images are fetched although no cell shows them by themselves.
    this.room.accompany(series ? [series.uid] : []);
    this.isBusy = series !== null;
    if (!series) {
      this.fusion = null;
      return;
    }
    const frames = this.room.library.get(series.uid);
    const volumes = theVolumes(this.room);
    const volume = await volumes.volume(frames);
    if (wish !== this.wishes) return;
    this.isBusy = false;
    if (!volume) {
      this.problem = volumes.problem;
      return;
    }
    const factor = frames.known?.suv_factor ?? null;
    const limits: [number, number] = factor ? [0, SUV_MOST] : limitsFor(frames, isFunctional(series));
    const span = limits[1] - limits[0];
    const reach: [number, number] = factor ? [0, SUV_MOST * 4] : [limits[0] - span / 2, limits[1] + span];
    this.fusion = { series: frames, volume, factor: factor ?? 1, isSuv: factor !== null, limits, reach, opacity: 0.6, map: this.room.mapOf(series.uid) ?? "hot" };
  }

  private get study(): string {
    return `/study/${this.room.page.study}`;
  }
}

/** Radiographs, slides and the like make no stack. */
const FLAT = new Set(["CR", "DX", "MG", "US", "XA", "RF", "SC", "ES", "SM", "SEG", "IO", "PX"]);
const SLICES_LEAST = 3;

function isFunctional({ modality }: SeriesFacts): boolean {
  return modality === "PT" || modality === "NM";
}

/** Where the object's own window begins and ends; else by the images that are here. Counts and activities begin at 0. */
function limitsFor(frames: SeriesFrames, fromZero: boolean): [number, number] {
  const stated = frames.known?.windows[0] ?? frames.known?.default_window;
  if (stated) {
    const { lower, upper } = limitsOf(stated);
    return [fromZero ? 0 : lower, fromZero ? Math.max(upper, 1e-6) : upper];
  }
  let [least, most] = [fromZero ? 0 : Infinity, fromZero ? 1 : -Infinity];
  for (let i = 0; i < frames.total; i++) {
    const picture = frames.picture(i);
    if (!picture) continue;
    const [low, high] = extent(picture.values, paddingValues(picture.facts));
    [least, most] = [fromZero ? 0 : Math.min(least, low), Math.max(most, high)];
  }
  if (!(most > least)) return [0, 1];
  return fromZero ? [0, most * 0.6] : [least, most];
}

function put<T>(map: Map<string, T[]>, image: ImageRef, one: T): void {
  const key = `${image.instance}/${image.frame}`;
  const list = map.get(key);
  if (list) list.push(one);
  else map.set(key, [one]);
}

function keyOf(cell: Cell): string {
  return `${cell.facts?.sop}/${cell.facts?.frame_number}`;
}

const kept = new WeakMap<Room, Overlays>();

export function theOverlays(room: Room): Overlays {
  let found = kept.get(room);
  if (!found) kept.set(room, (found = new Overlays(room)));
  return found;
}

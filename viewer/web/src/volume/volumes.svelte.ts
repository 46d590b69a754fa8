/** Reformats of the room's series: which are open, how thick and how tilted. */

import type { Cell } from "../cell";
import type { SeriesFrames } from "../frames";
import type { Room } from "../room";
import { partAt } from "../phases";
import { distance, planeOf, toPatient, type Vector } from "../sync";
import { t } from "../words";
import { Reformat, uidOf } from "./reformat";
import type { Slab } from "./reslice";
import { middleOf, placeOf, volumeOf, type NoVolume, type Orientation, type Volume } from "./space";
import type { Look } from "./turning";

type BodyView = (study: string, series: SeriesFrames, volume: Volume) => Promise<boolean>;

/** What shows a body in three dimensions; it needs volumes, and volumes know it by this place only. */
let showBody: BodyView = () => Promise.resolve(false);
export const showBodiesBy = (view: BodyView): unknown => (showBody = view);

const ORIENTATIONS: Orientation[] = ["axial", "coronal", "sagittal"];

export class Volumes {
  /** Why the last wish could not be fulfilled. */
  problem = $state("");
  /** Rises when a slab or a tilt changed, for the panel. */
  news = $state(0);
  private readonly volumes = new WeakMap<SeriesFrames, Volume>();
  private readonly open = new Set<Reformat>();

  constructor(readonly room: Room) {}

  /** The reformat in a cell; null where it shows images as they were taken. */
  of(cell: Cell): Reformat | null {
    return cell.series instanceof Reformat ? cell.series : null;
  }

  /** The volume of the series in a cell, or of the one it is made from; null with `problem` set where it is none. */
  async volume(series: SeriesFrames): Promise<Volume | null> {
    this.problem = "";
    const known = this.volumes.get(series);
    if (known) return known;
    await this.room.library.factsOf(series.uid);
    const found = volumeOf(series.facts);
    if (typeof found === "string") {
      this.problem = wordsFor(found);
      return null;
    }
    this.volumes.set(series, found);
    return found;
  }

  /** Show a cell's series in another orientation, through `through` or what it shows now. */
  async show(cell: Cell, orientation: Orientation, tilt = 0, turn = 0, through: Vector | null = null): Promise<void> {
    const from = cell.series;
    const source = await this.sourceFor(cell);
    const volume = source && (await this.volume(source));
    if (!source || !volume || cell.series !== from) return;
    const made = this.made(source, volume, orientation, tilt, turn);
    const point = through ?? this.pointFor(cell) ?? middleOf(volume);
    if (from instanceof Reformat) made.slab = from.slab;
    if (from instanceof Reformat && from.orientation === orientation) this.room.exchange(cell, made, placeOf(made.planes, point));
    else this.place(cell, made, point);
    this.sweep();
    this.news += 1;
  }

  /** What planes are made from: a series as it was taken; where it has several phases, the one that is shown. */
  private async sourceFor(cell: Cell): Promise<SeriesFrames | null> {
    const { series, position } = cell;
    if (!series || series instanceof Reformat) return series?.source ?? null;
    await this.room.library.factsOf(series.uid);
    return partAt(this.room, series, position) ?? series;
  }

  /** The crosshair's point where it lies in the plane that a cell shows, else the middle of that. */
  private pointFor(cell: Cell): Vector | null {
    const plane = planeOf(cell.facts);
    const { point } = this.room;
    if (!plane || !point || point.space !== cell.facts?.frame_of_reference) return pointIn(cell);
    const isOn = Math.abs(distance(plane, point.at)) < Math.max(1, cell.facts.slice_thickness ?? 1);
    return isOn ? point.at : pointIn(cell);
  }

  /** Planes that nobody looks at any more give everything back; there is one stack for each degree. */
  private sweep(): void {
    const shown = new Set(this.room.cells.map((cell) => cell.series));
    for (const made of this.open) {
      if (shown.has(made)) continue;
      made.close();
      this.room.library.drop(made.uid);
      this.open.delete(made);
    }
  }

  /** Make planes again that were let go of; returns whether `uid` names some that can be. */
  async remake(uid: string): Promise<boolean> {
    return (await this.remade(uid)) !== null;
  }

  /** The planes with a UID, whose series is here; null where that is no volume. */
  async remade(uid: string): Promise<Reformat | null> {
    const parts = uid.split("~");
    const at = parts.findIndex((part) => (ORIENTATIONS as string[]).includes(part));
    const sourceUid = parts.slice(0, at).join("~");
    if (at < 1 || !this.room.library.has(sourceUid)) return null;
    const source = this.room.library.get(sourceUid);
    const volume = await this.volume(source);
    return volume && this.made(source, volume, parts[at] as Orientation, Number(parts[at + 1] ?? 0), Number(parts[at + 2] ?? 0));
  }

  /** Back to the images as they were taken. */
  original(cell: Cell): void {
    const made = this.of(cell);
    if (!made) return;
    const point = pointIn(cell) ?? middleOf(made.volume);
    const planes = made.source.facts.map((facts) => planeOf(facts));
    const heights = planes.map((plane) => (plane ? Math.abs(reach(plane.origin, point, made.volume.normal)) : Infinity));
    this.keep(cell, () => this.room.open(cell, made.source.uid, heights.indexOf(Math.min(...heights))));
  }

  /** Axial, coronal and sagittal planes beside the series itself. */
  async threePlanes(cell: Cell): Promise<void> {
    const source = await this.sourceFor(cell);
    const volume = source && (await this.volume(source));
    if (!source || !volume) return;
    const point = this.pointFor(cell) ?? middleOf(volume);
    const look = { chosen: cell.chosen, inverted: cell.inverted };
    const { room } = this;
    room.arrange({ rows: 2, columns: 2 });
    ORIENTATIONS.forEach((orientation, i) => {
      const target = room.visible[i] as Cell;
      this.place(target, this.made(source, volume, orientation, 0, 0), point);
      target.choose(look.chosen);
      target.setInverted(look.inverted);
    });
    room.open(room.visible[3] as Cell, source.uid, volume.slices[volume.slices.length >> 1]?.position ?? 0);
    const space = source.known?.frame_of_reference;
    if (space) room.point = { space, at: point };
    this.sweep();
    room.activate(0);
    room.take("crosshair");
  }

  /**
   * Show planes made from the series (or phase) that has an image, at a place: in a cell that shows such planes, else in
   * the active one. False, with `problem` set, where that series makes no volume.
   */
  async showLook(series: string, position: number, look: Look, place: Vector, slab: Slab): Promise<boolean> {
    const { room } = this;
    await room.library.factsOf(series);
    const whole = room.library.get(series);
    const source = partAt(room, whole, position) ?? whole;
    const volume = await this.volume(source);
    if (!volume) return false;
    const made = this.made(source, volume, look.orientation, look.tilt, look.turn);
    if (made.slab.mm !== slab.mm || (slab.mm && made.slab.projection !== slab.projection)) made.slab = slab;
    const cell = this.cellFor(made);
    const before = this.of(cell);
    const at = placeOf(made.planes, place);
    room.activate(cell.index);
    if (before === made) room.go(cell, at);
    else if (before?.source === source && before.orientation === made.orientation) room.exchange(cell, made, at);
    else if ((before?.source ?? cell.series) === source) this.place(cell, made, place);
    else room.open(cell, made.uid, at);
    this.sweep();
    this.news += 1;
    return true;
  }

  private cellFor(made: Reformat): Cell {
    const { visible, cell } = this.room;
    const isAlike = (one: Reformat | null) => one?.source === made.source && one.orientation === made.orientation;
    return visible.find((other) => other.series === made) ?? visible.find((other) => isAlike(this.of(other))) ?? cell;
  }

  /** The body of a cell's series in three dimensions. */
  async solid(cell: Cell): Promise<void> {
    const source = await this.sourceFor(cell);
    const volume = source && (await this.volume(source));
    if (!source || !volume) return;
    const isShown = await showBody(this.room.studyOf(cell), source, volume);
    // A browser does not ask a second time within one page for code that did not come.
    if (!isShown) this.problem = t("Three dimensions could not be loaded. When the connection is back, load the page again.");
  }

  setSlab(cell: Cell, slab: Slab): void {
    const made = this.of(cell);
    if (!made) return;
    made.slab = slab;
    this.news += 1;
  }

  private made(source: SeriesFrames, volume: Volume, orientation: Orientation, tilt: number, turn: number): Reformat {
    const { library } = this.room;
    const uid = uidOf(source, orientation, tilt, turn);
    if (library.has(uid)) return library.get(uid) as Reformat;
    const made = new Reformat(source, volume, orientation, tilt, turn);
    made.changed = () => {
      for (const cell of this.room.cells) if (cell.series === made) cell.choose(cell.chosen);
    };
    library.add(made);
    this.open.add(made);
    return made;
  }

  private place(cell: Cell, made: Reformat, point: Vector): void {
    this.keep(cell, () => this.room.open(cell, made.uid, placeOf(made.planes, point)));
    this.news += 1;
  }

  /** Window and sense stay while a cell goes over to another plane of the same volume. */
  private keep(cell: Cell, change: () => void): void {
    const { chosen, inverted } = cell;
    change();
    cell.choose(chosen);
    cell.setInverted(inverted);
  }
}

/** The point of the patient in the middle of the image in a cell. */
function pointIn(cell: Cell): Vector | null {
  const plane = planeOf(cell.facts);
  return plane && toPatient(plane, plane.columns / 2, plane.rows / 2);
}

function reach(from: Vector, to: Vector, along: Vector): number {
  return (to[0] - from[0]) * along[0] + (to[1] - from[1]) * along[1] + (to[2] - from[2]) * along[2];
}

function wordsFor(why: NoVolume): string {
  switch (why) {
    case "too few":
      return t("This series has too few images for other planes.");
    case "colour":
      return t("Colour images make no volume.");
    default:
      return t("These images do not say where they lie in the patient, so they make no volume.");
  }
}

const kept = new WeakMap<Room, Volumes>();

export function theVolumes(room: Room): Volumes {
  let found = kept.get(room);
  if (!found) kept.set(room, (found = new Volumes(room)));
  return found;
}

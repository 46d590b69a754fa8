/** A stack of planes through a volume as a series like any other: it scrolls, windows and measures as the others do. */

import { SeriesFrames, type Facts, type Picture, type Values } from "../frames";
import { dot, toPatient, type Vector } from "../sync";
import { reslice, THIN, type Slab } from "./reslice";
import { lettersOf, planeAt, stackOf, type Orientation, type Slice, type Stack, type Volume } from "./space";

const KEPT = 12;
/** While frames still arrive, pictures are made anew this often. */
const REFRESH_MS = 400;
/** What stands outside of a volume of Hounsfield units: below all of them. */
const NOTHING_CT = -32768;

export class Reformat extends SeriesFrames {
  private readonly stack: Stack;
  private readonly pictures = new Map<number, Values>();
  private readonly leave: () => void;
  private slabKept: Slab = THIN;
  private timer: ReturnType<typeof setTimeout> | null = null;
  private readonly outside: number;
  /** Told when pictures have to be drawn again. */
  changed: () => void = () => undefined;

  constructor(
    readonly source: SeriesFrames,
    readonly volume: Volume,
    readonly orientation: Orientation,
    readonly tilt = 0,
    readonly turn = 0,
  ) {
    const stack = stackOf(volume, orientation, tilt, turn);
    super(uidOf(source, orientation, tilt, turn), stack.total);
    this.stack = stack;
    const base = source.known as Facts;
    this.outside = base.modality === "CT" ? NOTHING_CT : 0;
    for (let place = 0; place < stack.total; place++) this.facts[place] = this.factsAt(base, place);
    this.factsComplete = true;
    this.leave = source.onChange(() => this.sourceChanged());
    this.count();
  }

  override get needs(): string {
    return this.source.needs;
  }

  /** The slice that is nearest to the middle of a plane. */
  override sourceOf(position: number): number {
    const { rows, columns } = this.stack;
    const middle = toPatient(planeAt(this.stack, position), columns / 2, rows / 2);
    const { origin, normal, slices } = this.volume;
    const along = dot([middle[0] - origin[0], middle[1] - origin[1], middle[2] - origin[2]], normal);
    return this.source.sourceOf(nearestTo(slices, along).position);
  }

  /** The slice that lies nearest to a place: the facts of its image. */
  sliceAt(place: Vector): Facts | undefined {
    const { origin, normal, slices } = this.volume;
    const along = dot([place[0] - origin[0], place[1] - origin[1], place[2] - origin[2]], normal);
    return this.source.facts[nearestTo(slices, along).position];
  }

  override get isMade(): boolean {
    return true;
  }

  override has(): boolean {
    return true;
  }

  override hasPixels(): boolean {
    return false;
  }

  override isSettled(): boolean {
    return true;
  }

  override get isComplete(): boolean {
    return true;
  }

  override get loaded(): number {
    return this.settled;
  }

  /** Whether all slices are here that a shape with these corners is made from. */
  isReady(places: Vector[]): boolean {
    const { origin, normal, slices, gapMm } = this.volume;
    const along = places.map((place) => dot([place[0] - origin[0], place[1] - origin[1], place[2] - origin[2]], normal));
    const reach = gapMm + this.slabKept.mm / 2;
    const [low, high] = [Math.min(...along) - reach, Math.max(...along) + reach];
    return slices.every((slice) => slice.along < low || slice.along > high || this.source.isSettled(slice.position));
  }

  get slab(): Slab {
    return this.slabKept;
  }

  set slab(slab: Slab) {
    this.slabKept = slab;
    for (const facts of this.facts) if (facts) facts.slice_thickness = slab.mm || this.stack.stepMm;
    this.again();
  }

  /** The planes, for whoever looks for a place in them. */
  get planes(): Stack {
    return this.stack;
  }

  override picture(position: number): Picture | null {
    const facts = this.facts[position];
    if (!facts) return null;
    let values = this.pictures.get(position);
    if (!values) {
      values = this.make(position);
      this.pictures.set(position, values);
      const oldest = this.pictures.keys().next().value;
      if (this.pictures.size > KEPT && oldest !== undefined) this.pictures.delete(oldest);
    }
    return { facts, isColour: false, values };
  }

  /** Made once more, of all that is here now. */
  anew(position: number): Picture | null {
    this.pictures.delete(position);
    return this.picture(position);
  }

  close(): void {
    this.leave();
    if (this.timer) clearTimeout(this.timer);
    this.pictures.clear();
  }

  private make(position: number): Values {
    const { rows, columns } = this.stack;
    const frames = this.volume.slices.map(({ position: at }) => this.source.picture(at)?.values ?? null);
    const out = roomFor(frames, rows * columns);
    const outside = out instanceof Uint8Array || out instanceof Uint16Array ? 0 : this.outside;
    reslice(this.volume, planeAt(this.stack, position), this.slabKept, (slice) => frames[slice] ?? null, out, outside);
    return out;
  }

  private sourceChanged(): void {
    this.timer ??= setTimeout(() => {
      this.timer = null;
      this.again();
    }, REFRESH_MS);
  }

  private again(): void {
    this.pictures.clear();
    this.count();
    this.addFacts(0, []);
    this.changed();
  }

  /** As much of this is here as of what it is made from. */
  private count(): void {
    const slices = this.volume.slices;
    const here = slices.reduce((sum, slice) => sum + (this.source.isSettled(slice.position) ? 1 : 0), 0);
    this.settled = Math.floor((this.total * here) / slices.length);
  }

  private factsAt(base: Facts, place: number): Facts {
    const plane = planeAt(this.stack, place);
    const padding: [number, number] | null = this.outside === NOTHING_CT ? [NOTHING_CT, NOTHING_CT] : null;
    return {
      ...base,
      // No stored image: nothing that is kept can refer to it.
      sop: "",
      frame_number: place + 1,
      number_of_frames: this.total,
      instance_number: place + 1,
      rows: plane.rows,
      columns: plane.columns,
      aspect: 1,
      spacing: { row_mm: plane.rowMm, column_mm: plane.columnMm, status: "patient", calibration: "" },
      orientation: [...plane.row, ...plane.column],
      position: [...plane.origin],
      letters: lettersOf(plane.row, plane.column),
      slice_thickness: this.slabKept.mm || this.stack.stepMm,
      slice_location: null,
      spacing_between_slices: this.stack.stepMm,
      rescale: { ...base.rescale, slope: 1, intercept: 0 },
      padding,
      overlay: false,
      shutter: null,
      regions: [],
    };
  }
}

function nearestTo(slices: Slice[], along: number): Slice {
  return slices.reduce((best, slice) => (Math.abs(slice.along - along) < Math.abs(best.along - along) ? slice : best));
}

/** An array for values out of `frames`; where these are of several types (metal in one slice only), floats hold all. */
function roomFor(frames: (Values | null)[], size: number): Values {
  const types = new Set(frames.flatMap((values) => (values ? [values.constructor as new (size: number) => Values] : [])));
  const [type] = types;
  return type && types.size === 1 ? new type(size) : types.size ? new Float32Array(size) : new Int16Array(size);
}

export function uidOf(source: SeriesFrames, orientation: Orientation, tilt: number, turn: number): string {
  return `${source.uid}~${orientation}${tilt || turn ? `~${tilt}~${turn}` : ""}`;
}

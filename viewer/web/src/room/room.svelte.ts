/** The reading room: its cells, the active one, and what happens between them. */

import { Cell } from "../cell";
import type { ColourMap } from "../palettes";
import { Graphics, type Painter } from "../painter";
import { BrowserShelf, emptyShelf, Library, linkRate, Pace, Shelving, type SeriesFrames, type Trouble, type Wish } from "../frames";
import type { Tool } from "../gestures";
import type { Point } from "../placement";
import type { Voi } from "../windowing";
import type { PageData, SeriesFacts } from "../page";
import { beginningOf, scrolled, toolUsed, windowed } from "./events";

export interface Layout {
  rows: number;
  columns: number;
}

export const LAYOUTS: Layout[] = [
  { rows: 1, columns: 1 },
  { rows: 1, columns: 2 },
  { rows: 2, columns: 1 },
  { rows: 2, columns: 2 },
  { rows: 1, columns: 3 },
  { rows: 2, columns: 3 },
  { rows: 3, columns: 3 },
];

/** Where a series begins that is opened; null where nothing is known of that. */
export type Place = (series: SeriesFrames) => number | null;

const CELLS_MAX = 9;
const MIB = 1 << 20;

/** Pixels that may be held; a phone or a small computer gets less. */
function budgetBytes(deviceGib: number | undefined, isPhone: boolean): number {
  if (isPhone) return 256 * MIB;
  return Math.min(1024, Math.max(256, (deviceGib ?? 4) * 160)) * MIB;
}

export class Room {
  readonly cells = Array.from({ length: CELLS_MAX }, (_, index) => new Cell(index, (uid) => this.mapOf(uid)));
  readonly library: Library;
  layout = $state<Layout>({ rows: 1, columns: 1 });
  active = $state(0);
  trouble = $state<Trouble | null>(null);
  /** What one finger or the main button does. */
  tool = $state("window");
  toolChosen = $state(false);
  synced = $state(true);
  windowsSynced = $state(false);
  lines = $state(true);
  overlays = $state(true);
  /** The crosshair's point in the patient, and the frame of reference that it belongs to. */
  point = $state<{ space: string; at: [number, number, number] } | null>(null);
  /** The side panel that is open. */
  panel = $state<string | null>(null);
  documentSeries = $state<string | null>(null);
  help = $state(false);
  /** Colour maps that were chosen for grey series, by their UID; what is made from a series has its colours too. */
  private maps = $state.raw<Readonly<Record<string, ColourMap>>>({});
  /** Where the mouse is: in which cell, at which point of it. */
  pointer = $state<{ cell: Cell; at: Point } | null>(null);
  /** A tool at work in a cell. */
  working = $state<{ cell: Cell; tool: Tool; at: Point } | null>(null);
  painter = $state.raw<Painter | null>(null);
  readonly graphics = new Graphics();
  /** Show what holds no images: documents, reports. */
  document: (series: SeriesFacts) => void = () => undefined;

  constructor(readonly page: PageData) {
    const isPhone = matchMedia("(max-width: 760px)").matches;
    const memory = (navigator as { deviceMemory?: number }).deviceMemory;
    this.library = new Library(
      page.study,
      page.series.map((series) => [series.uid, series.frames, series.revision]),
      budgetBytes(memory, isPhone),
      shelvingFor(page),
      new Pace(linkRate(pageTimings())),
    );
    this.library.troubled = (trouble) => (this.trouble = trouble);
  }

  readonly visible = $derived.by(() => this.cells.slice(0, this.layout.rows * this.layout.columns));
  readonly cell = $derived.by(() => this.cells[this.active] as Cell);

  private companions: string[] = [];

  /** Series of other studies that are shown here too. */
  guests = $state.raw<SeriesFacts[]>([]);

  /** Facts of a series; those of its source for one that is made here (`<uid>~...`). */
  seriesFacts(uid: string | undefined): SeriesFacts | undefined {
    const known = uid?.split("~")[0];
    return [...this.page.series, ...this.guests].find((series) => series.uid === known);
  }

  /** The study that a cell's series belongs to. */
  studyOf(cell: Cell): string {
    return this.seriesFacts(cell.series?.uid)?.exam?.study ?? this.page.study;
  }

  /** Series with images, in the order of the list. */
  get series(): SeriesFacts[] {
    return this.page.series.filter((series) => series.frames > 0);
  }

  /**
   * Show a series in a cell. Where no image is named, it begins beside what the others show; a function is asked as soon as
   * the facts of all images are here, and null means the first image.
   */
  open(cell: Cell, uid: string, place: number | Place = (series) => beginningOf(this, cell, series)): void {
    if (!this.seriesFacts(uid)?.frames) return;
    const series = this.library.get(uid);
    const isAwaited = typeof place !== "number" && !series.factsComplete && !series.isMade;
    if (isAwaited) void this.library.factsOf(uid).then(() => this.begin(cell, series, place));
    const beginning = typeof place === "number" ? place : isAwaited ? 0 : place(series);
    cell.open(series, beginning ?? 0);
    this.want();
  }

  /** The facts of a series that was opened are here: go where it begins, unless somebody went elsewhere meanwhile. */
  private begin(cell: Cell, series: SeriesFrames, place: Place): void {
    if (cell.series !== series || cell.position !== 0) return;
    cell.go(place(series) ?? 0);
    this.want();
  }

  /** Show other images of the same body in a cell: window, zoom and turn stay. */
  exchange(cell: Cell, series: SeriesFrames, position: number): void {
    cell.exchange(series, position);
    this.want();
  }

  /** A series was chosen in the list. */
  choose(series: SeriesFacts): void {
    if (series.frames) this.open(this.cell, series.uid);
    else this.document(series);
  }

  /** The tool in the hand: fingers scroll unless the person chose something else on purpose. */
  toolOf(byTouch: boolean): string {
    return byTouch && this.tool === "window" && !this.toolChosen ? "scroll" : this.tool;
  }

  take(tool: string): void {
    this.tool = tool;
    this.toolChosen = true;
  }

  /** The graphics driver took everything away, or gave it back: the painter then paints by itself. */
  dark(isLost: boolean): void {
    this.graphics.tell(isLost);
    if (isLost) for (const cell of this.cells) cell.darken();
  }

  pointed(cell: Cell, at: Point | null): void {
    this.pointer = at ? { cell, at } : null;
  }

  used(cell: Cell, tool: Tool, at: Point | null): void {
    this.working = at ? { cell, tool, at } : null;
    toolUsed(tool, this, cell, at);
    if (at) this.want();
  }

  /** These series are needed besides those in cells, as one that is laid over others in colour. */
  accompany(uids: string[]): void {
    this.companions = uids;
    this.want();
  }

  go(cell: Cell, position: number): void {
    const before = cell.position;
    cell.go(position);
    if (cell.position !== before) scrolled(this, cell);
    this.want();
  }

  /** A person chose a window in a cell; null for the object's own. */
  window(cell: Cell, voi: Voi | null): void {
    cell.choose(voi);
    windowed(this, cell);
  }

  /** The colours of a series, or of one that is made from it (`<uid>~...`); null for grey. */
  mapOf(uid: string): ColourMap | null {
    return this.maps[uid.split("~")[0] as string] ?? null;
  }

  /** Show a series in colours wherever it stands; null for grey. */
  colour(uid: string, map: ColourMap | null): void {
    const own = uid.split("~")[0] as string;
    const others = Object.fromEntries(Object.entries(this.maps).filter(([of]) => of !== own));
    this.maps = map ? { ...others, [own]: map } : others;
    for (const cell of this.cells) if (cell.series?.uid.split("~")[0] === own) cell.lookAgain();
  }

  activate(index: number): void {
    if (index === this.active) return;
    this.active = index;
    this.want();
  }

  /** Change the layout; with `fill`, new cells take the series that nobody shows yet. */
  arrange(layout: Layout, fill = true): void {
    const before = this.visible.length;
    this.layout = layout;
    if (this.active >= this.visible.length) this.active = 0;
    for (const cell of this.cells.slice(this.visible.length)) cell.close();
    if (fill) for (const cell of this.visible.slice(before)) if (!cell.series) this.fill(cell);
    this.want();
  }

  otherSeries(step: number): void {
    const at = this.series.findIndex((series) => series.uid === this.seriesFacts(this.cell.series?.uid)?.uid);
    const next = this.series[at + step];
    if (next) this.open(this.cell, next.uid);
  }

  private fill(cell: Cell): void {
    const shown = new Set(this.visible.map((other) => other.series?.uid));
    const free = this.series.find((series) => !shown.has(series.uid));
    if (free) this.open(cell, free.uid);
  }

  /** Tell the library what is looked at, the active cell first. */
  private want(): void {
    const cells = [this.cell, ...this.visible.filter((cell) => cell !== this.cell)];
    const shown = cells.flatMap((cell) => (cell.series ? [wishOf(cell.series, cell.position)] : []));
    this.library.want([...shown, ...this.companions.map((series) => ({ series, position: 0 }))]);
  }
}

/** What keeps images in this browser; null where that is not allowed. */
function shelvingFor(page: PageData): Shelving | null {
  if (!page.keep) {
    emptyShelf();
    return null;
  }
  const shelving = new Shelving(new BrowserShelf(page.keep.person, page.keep.bytes));
  for (const kind of ["pointermove", "pointerdown", "wheel", "keydown"]) {
    window.addEventListener(kind, () => shelving.touched(), { passive: true, capture: true });
  }
  return shelving;
}

/** What this page loaded so far, as the browser timed it. */
function pageTimings(): PerformanceResourceTiming[] {
  return ["navigation", "resource"].flatMap((kind) => performance.getEntriesByType(kind) as PerformanceResourceTiming[]);
}

/** A series that is made here needs the frames of another one. */
function wishOf(series: SeriesFrames, position: number): Wish {
  return { series: series.needs, position: series.sourceOf(position) };
}

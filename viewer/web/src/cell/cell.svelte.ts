/** One cell of the layout: which series and image it shows, and how. The view draws what stands here. */

import type { ColourMap } from "../palettes";
import type { Screen } from "../painter";
import type { Facts, SeriesFrames } from "../frames";
import { matrixOf, UPRIGHT, WHOLE, type Matrix, type Placement, type Size } from "../placement";
import type { Voi, Window } from "../windowing";
import { derivedWindow, ownVois } from "./own";

/** Without a GPU, each step of the progress bar costs what a picture does. */
const TELL_MS = 200;

export class Cell {
  series = $state<SeriesFrames | null>(null);
  /** The image that the person wants to see, and the one that is on the screen (-1 for none). */
  position = $state(0);
  shown = $state(-1);
  drawings = $state(0);
  /** null for the object's own window. */
  chosen = $state<Voi | null>(null);
  inverted = $state(false);
  smooth = $state(true);
  placement = $state<Placement>(WHOLE);
  box = $state<Size>({ width: 0, height: 0 });
  loaded = $state(0);
  settled = $state(0);
  factsComplete = $state(false);
  /** Rises when facts or pixels came. */
  news = $state(0);
  playing = $state(false);
  rate = $state(0);
  /** An image that is here and that this device could not paint. */
  private failure = $state.raw<{ series: SeriesFrames; position: number; words: string } | null>(null);

  private screen: Screen | null = null;
  private leave: () => void = () => undefined;
  private derived: Window | null = null;
  private asked = 0;
  private pending = false;
  private telling = 0;

  /** `mapFor` tells the colour map that was chosen for a series. */
  constructor(
    readonly index: number,
    private readonly mapFor: (uid: string) => ColourMap | null = () => null,
  ) {}

  readonly total = $derived.by(() => this.series?.total ?? 0);

  /** Facts of the image that is wanted, else undefined while they are on their way. */
  readonly facts = $derived.by<Facts | undefined>(() => {
    void this.news;
    return this.series?.facts[this.position];
  });

  readonly problem = $derived.by<string | undefined>(() => {
    void this.news;
    const isFailed = this.failure?.series === this.series && this.failure?.position === this.position;
    return this.series?.problem(this.position) ?? (isFailed ? this.failure?.words : undefined);
  });

  /** Facts of the image that is on the screen; while there is none, of the one that is wanted. */
  readonly seen = $derived.by<Facts | undefined>(() => {
    void this.news;
    return this.shown >= 0 ? this.series?.facts[this.shown] : this.facts;
  });

  /** The window in effect; null for colour and while nothing is known. */
  readonly voi = $derived.by<Voi | null>(() => {
    void this.news;
    if (!this.facts || this.facts.problem || this.facts.is_colour) return null;
    return this.chosen ?? this.own(this.facts);
  });

  readonly window = $derived.by<Window | null>(() => (this.voi?.kind === "window" ? this.voi.window : null));

  /** The colours of a grey picture; null for grey. */
  readonly map = $derived.by<ColourMap | null>(() => (this.series && this.voi ? this.mapFor(this.series.uid) : null));

  readonly matrix = $derived.by<Matrix | null>(() => {
    const facts = this.facts;
    if (!facts || facts.problem || !this.box.width) return null;
    return matrixOf(this.placement, facts.rows, facts.columns, facts.aspect, this.box);
  });

  /** Show a series from `position` on; everything chosen for the one before is forgotten. */
  open(series: SeriesFrames, position: number): void {
    this.leave();
    this.series = series;
    this.position = Math.min(Math.max(position, 0), Math.max(series.total - 1, 0));
    this.shown = -1;
    // The picture before must not come back under the names of this series, whatever is changed while it is on its way.
    this.screen?.clear();
    this.failure = null;
    this.chosen = null;
    this.derived = null;
    this.inverted = false;
    this.playing = false;
    this.rate = 0;
    this.placement = { ...WHOLE, pose: UPRIGHT };
    this.leave = series.onChange(() => this.heard());
    this.tell();
    this.draw();
  }

  /** Go over to other images of the same body: window, sense, zoom and turn stay. */
  exchange(series: SeriesFrames, position: number): void {
    const { chosen, inverted, placement } = this;
    this.open(series, position);
    this.chosen = chosen;
    this.inverted = inverted;
    this.place(placement);
  }

  close(): void {
    this.leave();
    clearTimeout(this.telling);
    this.telling = 0;
    this.series = null;
    this.shown = -1;
    this.playing = false;
    this.screen?.clear();
    this.news += 1;
  }

  /** Nothing is on the screen any more, whatever may still be seen there; the next painting brings it back. */
  darken(): void {
    this.shown = -1;
  }

  go(position: number): void {
    const target = Math.min(Math.max(position, 0), this.total - 1);
    if (target === this.position || target < 0) return;
    this.position = target;
    this.draw();
  }

  choose(voi: Voi | null): void {
    this.chosen = voi;
    this.look();
  }

  setInverted(inverted: boolean): void {
    this.inverted = inverted;
    this.look();
  }

  /** Something that the picture's look depends on has changed elsewhere. */
  lookAgain(): void {
    this.look();
  }

  setSmooth(smooth: boolean): void {
    this.smooth = smooth;
    this.look();
  }

  place(placement: Placement): void {
    this.placement = placement;
    this.screen?.setPlacement(placement);
  }

  reset(): void {
    this.chosen = null;
    this.inverted = false;
    this.place({ ...WHOLE, pose: UPRIGHT });
    this.look();
  }

  resized(box: Size): void {
    if (box.width === this.box.width && box.height === this.box.height) return;
    this.box = box;
    this.screen?.resized();
  }

  /** Give the cell something to draw on. */
  attach(screen: Screen): void {
    this.screen = screen;
    screen.drawn = (position) => {
      this.shown = position;
      this.drawings += 1;
    };
    screen.failed = (position, words) => {
      if (this.series) this.failure = { series: this.series, position, words };
    };
    this.draw();
  }

  get isAttached(): boolean {
    return this.screen !== null;
  }

  detach(): void {
    this.screen?.destroy();
    this.screen = null;
    this.shown = -1;
  }

  /** Whether low values are bright on the screen. */
  get isInverse(): boolean {
    return this.inverted !== (this.facts?.is_inverse ?? false);
  }

  private own(facts: Facts): Voi | null {
    const stated = ownVois(facts)[0];
    if (stated) return stated;
    if (facts.default_window) return { kind: "window", window: facts.default_window };
    // Where no image names a window, the first one's range serves the whole series: no flicker while scrolling.
    if (!this.derived) {
      const picture = this.series?.picture(this.position);
      if (!picture) return null;
      this.derived = derivedWindow(picture);
    }
    return { kind: "window", window: this.derived };
  }

  /** Frames arrive by the hundred; the page is told of them a few times a second, and at once of what it waits for. */
  private heard(): void {
    const isAwaited = this.pending || !this.facts || this.series?.isComplete || this.series?.factsComplete !== this.factsComplete;
    if (isAwaited) this.tell();
    else this.telling ||= window.setTimeout(() => this.tell(), TELL_MS);
    if (this.pending || this.shown !== this.position) this.draw();
  }

  private tell(): void {
    clearTimeout(this.telling);
    this.telling = 0;
    this.news += 1;
    this.loaded = this.series?.loaded ?? 0;
    this.settled = this.series?.settled ?? 0;
    this.factsComplete = this.series?.factsComplete ?? false;
  }

  private look(): void {
    this.screen?.setLook({ voi: this.voi, inverted: this.isInverse, smooth: this.smooth, map: this.map });
  }

  /** Bring the wanted image to the screen with the next frame; of several wishes the last one counts. */
  private draw(): void {
    if (this.asked) return;
    this.asked = requestAnimationFrame(() => {
      this.asked = 0;
      this.drawNow();
    });
  }

  private drawNow(): void {
    const { screen, series, position } = this;
    if (!screen || !series) return;
    this.pending = !series.has(position) && !this.problem;
    if (!series.has(position) || this.problem !== undefined) return;
    this.look();
    screen.setPlacement(this.placement);
    screen.show(series.uid, position);
  }
}

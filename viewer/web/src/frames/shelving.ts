/**
 * Which frames come from this browser's own store, and which go there. Validation is by content: the server has just
 * told what each frame of the series is (the hash of its object and its number in it), and only that is taken. So what
 * was changed, rejected or withdrawn is never shown from here.
 */

import type { Arrival } from "./cut";
import type { Facts } from "./facts";
import type { SeriesFrames } from "./series";
import type { KeptFrame, Shelf } from "./shelf";

const BLOCK_BYTES = 4 << 20;
const BLOCK_FRAMES_MAX = 256;
/** So long hands, and what brings images, have to rest before anything is written: looking goes before keeping. */
const REST_MS = 2000;
/** A stream that takes longer than this, as over a slow link, is written while it goes on. */
const PATIENCE_MS = 15_000;

export class Shelving {
  /** Blocks that are known to be on the shelf as they are now. */
  private readonly good = new Map<string, Set<string>>();
  private isWriting = false;
  private isAsked = false;
  private isFull = false;
  private handsAt = -Infinity;
  private timer: ReturnType<typeof setTimeout> | null = null;

  constructor(
    private readonly shelf: Shelf,
    private readonly idle: () => Promise<void> = idleTime,
    private readonly restMs = REST_MS,
  ) {}

  /** Whether there is nothing to wait for. */
  get isEmpty(): boolean {
    return this.shelf.isEmpty;
  }

  /** Hands are at work: nothing is written for a while. */
  touched(): void {
    this.handsAt = performance.now();
  }

  /**
   * Hand over the frames of a series that are kept, from `from` outwards, until `signal`; `facts` brings what the server
   * says now about all of them, and is asked only where something is kept.
   */
  async bring(series: SeriesFrames, from: number, facts: () => Promise<void>, take: (arrival: Arrival) => void, signal: AbortSignal): Promise<void> {
    const names = new Set(await this.shelf.names(series.uid));
    if (!names.size) return;
    await facts();
    const per = framesPerBlock(series);
    if (!series.factsComplete || !per) return;
    const places = placesOf(series.facts);
    for (const block of blocksAround(series.total, per, from)) {
      const name = nameOf(per, block);
      if (signal.aborted) return;
      if (!names.delete(name) || isWhole(series, per, block)) continue;
      let isStale = false;
      for (const frame of await this.shelf.take(series.uid, name)) {
        const position = places.get(frameKey(frame.content, frame.frame));
        isStale ||= position === undefined;
        if (position !== undefined && !series.isSettled(position)) take(arrivalOf(position, frame));
      }
      // What the archive no longer has does not stay here either: such a block is written anew.
      if (isWhole(series, per, block) && !isStale) this.goodOf(series).add(name);
    }
    for (const name of names) await this.shelf.drop(series.uid, name);
  }

  /** Something came: what is whole will be written, in a while or when all has come. */
  came(all: () => Iterable<SeriesFrames>): void {
    this.timer ??= setTimeout(() => void this.write(all), PATIENCE_MS);
  }

  /** All that is wanted is here. */
  rest(all: () => Iterable<SeriesFrames>): void {
    this.touched();
    void this.write(all);
  }

  private async write(all: () => Iterable<SeriesFrames>): Promise<void> {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    this.isAsked = true;
    if (this.isWriting) return;
    this.isWriting = true;
    try {
      while (this.isAsked && !this.isFull) {
        // What comes while this goes on asks for another round.
        this.isAsked = false;
        for (const series of all()) if (!series.isMade && series.factsComplete) await this.writeSeries(series);
      }
    } finally {
      this.isWriting = false;
    }
  }

  private async writeSeries(series: SeriesFrames): Promise<void> {
    const per = framesPerBlock(series);
    for (let block = 0; per && block * per < series.total && !this.isFull; block++) {
      const name = nameOf(per, block);
      if (this.goodOf(series).has(name) || !isWhole(series, per, block)) continue;
      await this.resting();
      // Memory may have given frames of it back meanwhile.
      const frames = framesOf(series, per, block);
      if (!frames.length || !isWhole(series, per, block)) continue;
      if (await this.shelf.put(series.uid, name, frames)) this.goodOf(series).add(name);
      else this.isFull = true;
    }
  }

  private async resting(): Promise<void> {
    for (let left: number; (left = this.handsAt + this.restMs - performance.now()) > 0; ) await new Promise((resolve) => setTimeout(resolve, left));
    await this.idle();
  }

  private goodOf(series: SeriesFrames): Set<string> {
    const found = this.good.get(series.uid) ?? new Set();
    this.good.set(series.uid, found);
    return found;
  }
}

/** Blocks of a series from the one with `from` outwards, ahead first. */
export function blocksAround(total: number, per: number, from: number): number[] {
  const count = Math.ceil(total / per);
  const middle = Math.min(Math.max(Math.floor(from / per), 0), count - 1);
  const found: number[] = [];
  for (let away = 0; away < count; away++) {
    if (middle + away < count) found.push(middle + away);
    if (away && middle - away >= 0) found.push(middle - away);
  }
  return found;
}

/** How many frames make a block; 0 while nothing is known about them. */
export function framesPerBlock(series: SeriesFrames): number {
  const facts = series.known;
  if (!facts) return 0;
  const bytes = facts.rows * facts.columns * (facts.is_colour ? 3 : facts.transport?.endsWith("8") ? 1 : 2);
  return Math.min(Math.max(Math.floor(BLOCK_BYTES / bytes), 1), BLOCK_FRAMES_MAX);
}

const nameOf = (per: number, block: number): string => `${per}/${block}`;
const frameKey = (content: string, frame: number): string => `${content}/${frame}`;

function placesOf(facts: (Facts | undefined)[]): Map<string, number> {
  return new Map(facts.flatMap((one, place) => (one?.content && !one.problem ? [[frameKey(one.content, one.frame_number), place] as const] : [])));
}

function arrivalOf(position: number, { code, data }: KeptFrame): Arrival {
  return data instanceof ArrayBuffer ? { position, code, payload: data } : { position, code, payload: new ArrayBuffer(0), values: data };
}

/** Whether all frames of a block are here, but those that cannot be shown. */
function isWhole(series: SeriesFrames, per: number, block: number): boolean {
  for (let place = block * per; place < Math.min((block + 1) * per, series.total); place++) if (!series.isSettled(place)) return false;
  return true;
}

function framesOf(series: SeriesFrames, per: number, block: number): KeptFrame[] {
  const found: KeptFrame[] = [];
  for (let place = block * per; place < Math.min((block + 1) * per, series.total); place++) {
    const held = series.held(place);
    const facts = series.facts[place];
    if (held && facts?.content) found.push({ content: facts.content, frame: facts.frame_number, ...held });
  }
  return found;
}

function idleTime(): Promise<void> {
  // Safari has no idle callbacks.
  return new Promise((resolve) => {
    if ("requestIdleCallback" in globalThis) requestIdleCallback(() => resolve(), { timeout: 2000 });
    else setTimeout(resolve, 50);
  });
}

/** One series in this browser: facts and pixels of its frames as they arrive. */

import { RAW, RGB8 } from "./codes";
import type { Arrival } from "./cut";
import type { Facts } from "./facts";
import { valuesOf, type Values } from "./values";

export interface Picture {
  facts: Facts;
  isColour: boolean;
  values: Values;
}

interface Stored {
  code: number;
  payload: ArrayBuffer | null;
  values: Values | null;
}

export type Listener = () => void;

export class SeriesFrames {
  readonly facts: (Facts | undefined)[];
  private readonly stored: (Stored | undefined)[];
  private readonly problems = new Map<number, string>();
  private readonly listeners = new Set<Listener>();
  /** Frames whose pixels are here or that have been found unreadable: nothing more is to come of them. */
  settled = 0;
  bytes = 0;
  factsComplete = false;
  private refusal: string | undefined;

  /** `revision` is that of the series in the archive when the page was made. */
  constructor(
    readonly uid: string,
    readonly total: number,
    readonly revision = 0,
  ) {
    this.facts = new Array<Facts | undefined>(total);
    this.stored = new Array<Stored | undefined>(total);
  }

  /** The series whose frames are to be fetched to show this one. */
  get needs(): string {
    return this.uid;
  }

  /** The place of an image in the series that `needs` names. */
  sourceOf(position: number): number {
    return position;
  }

  /** Whether its pictures are made here, from another series. */
  get isMade(): boolean {
    return false;
  }

  /** The facts of some frame that can be shown; undefined while there are none. */
  get known(): Facts | undefined {
    return this.facts.find((facts) => facts && !facts.problem);
  }

  has(position: number): boolean {
    return this.stored[position] !== undefined && this.facts[position] !== undefined;
  }

  hasPixels(position: number): boolean {
    return this.stored[position] !== undefined;
  }

  isSettled(position: number): boolean {
    return this.stored[position] !== undefined || this.problems.has(position);
  }

  /** Why this frame cannot be shown; undefined where nothing is wrong. */
  problem(position: number): string | undefined {
    return this.problems.get(position) ?? this.facts[position]?.problem ?? (this.stored[position] ? undefined : this.refusal);
  }

  /** Say why the frames that are not here will not come; undefined when they are asked for again. */
  refuse(words: string | undefined): void {
    if (this.refusal === words) return;
    this.refusal = words;
    this.tell();
  }

  /** Whether the server has to make a frame ready; one of which nothing is known is taken to be as the others. */
  needsMaking(position: number): boolean {
    const own = this.facts[position];
    const facts = own && !own.problem ? own : this.known;
    return facts !== undefined && facts.transport === null;
  }

  /** How many frames can be shown at once. */
  get loaded(): number {
    return this.settled - this.problems.size;
  }

  get isComplete(): boolean {
    return this.settled >= this.total;
  }

  /** A frame with its modality values; null while facts or pixels are missing, and where they make no picture. */
  picture(position: number): Picture | null {
    const stored = this.stored[position];
    const facts = this.facts[position];
    if (!stored || !facts || facts.problem || this.problems.has(position)) return null;
    if (!stored.values) {
      const payload = stored.payload as ArrayBuffer;
      try {
        stored.values = valuesOf(facts, stored.code, payload);
      } catch (error) {
        this.fail(position, payload.byteLength, error instanceof Error ? error.message : String(error));
        return null;
      }
      stored.payload = null;
      // Floats take more room than the bytes that came.
      this.bytes += stored.values.byteLength - payload.byteLength;
    }
    return { facts, isColour: stored.code === RGB8, values: stored.values };
  }

  private fail(position: number, bytes: number, words: string): void {
    this.problems.set(position, words);
    this.stored[position] = undefined;
    this.bytes -= bytes;
    // Whoever asked is in the middle of something: they hear of it right after.
    queueMicrotask(() => this.tell());
  }

  /** The pixels of a frame as they are held now; null where they are not here, or make no picture. */
  held(position: number): { code: number; data: ArrayBuffer | Values } | null {
    const stored = this.stored[position];
    const data = stored?.values ?? stored?.payload;
    return stored && data && !this.problems.has(position) ? { code: stored.code, data } : null;
  }

  /** Whether a frame came as stored, and its facts say that this is of no use here. */
  private isUseless(position: number): boolean {
    const facts = this.facts[position];
    return this.stored[position]?.code === RAW && facts !== undefined && !facts.problem && facts.transport === null;
  }

  addFacts(offset: number, facts: Facts[]): void {
    facts.forEach((one, i) => {
      // What the page knew of its first picture (its window) is not in the list.
      const before = this.facts[offset + i];
      this.facts[offset + i] = before ? { ...one, default_window: one.default_window ?? before.default_window } : one;
      if (this.isUseless(offset + i)) this.forget(offset + i);
    });
    this.tell();
  }

  take(arrival: Arrival): void {
    const { position } = arrival;
    if (position < 0 || position >= this.total || this.isSettled(position)) return;
    if (arrival.problem !== undefined) this.problems.set(position, arrival.problem);
    else {
      const values = arrival.values ?? null;
      this.stored[position] = { code: arrival.code, payload: values ? null : arrival.payload, values };
      this.bytes += (values ?? arrival.payload).byteLength;
    }
    this.settled += 1;
    if (this.isUseless(position)) this.forget(position);
    this.tell();
  }

  /** Give the pixels of a frame back; they can be asked for again. */
  forget(position: number): void {
    const stored = this.stored[position];
    if (!stored) return;
    this.stored[position] = undefined;
    this.bytes -= (stored.values ?? stored.payload)?.byteLength ?? 0;
    this.settled -= 1;
    this.tell();
  }

  onChange(listener: Listener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  private tell(): void {
    for (const listener of this.listeners) listener();
  }
}

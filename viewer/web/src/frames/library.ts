/**
 * Brings series into this browser. One at a time: the series that the person looks at first, the others after it,
 * hidden ones last; a jump to a frame that is not here yet restarts the stream from there. Within a budget of memory,
 * what is farthest from anybody's eyes goes first.
 */

import { JPEG_LS, RAW } from "./codes";
import { Coming } from "./coming";
import type { Arrival } from "./cut";
import { farthest } from "./farthest";
import { expanded, type CompactFacts, type Facts } from "./facts";
import { isAbort, request, RequestError } from "./fetching";
import { outward, rangesOf, rangesText, type Range } from "./order";
import { Pace } from "./pace";
import { allOrNone, receive } from "./receive";
import { SeriesFrames } from "./series";
import type { Shelving } from "./shelving";
import { NoWorkers, Unpacking } from "./unpacking";
import type { Wish } from "./wish";

export interface Trouble {
  words: string;
  kind: "signed-out" | "refused" | "network";
}

const RETRY_MS = [500, 1000, 2000, 4000, 8000];
const FACTS_AT_ONCE = 1000;
/** When the first picture is not there by then, the others wait no longer. */
const HOLD_MS = 2000;
/** A stream that will reach the wanted frame within so many others is left alone. */
const PATIENCE = 24;
/** With fewer frames to come, a stream is not begun again in another encoding. */
const LEFT_TO_CHANGE = 8;
/**
 * On a slow network so many answers side by side: one alone leaves gaps, as it stands still wherever something of it was
 * lost or is waited for. A browser keeps six connections to a server; the others are for all the rest.
 */
const SIDE_BY_SIDE = 3;

interface Running {
  series: string;
  control: AbortController;
  coming: Coming;
  bringing: number;
}

export class Library {
  private readonly series = new Map<string, SeriesFrames>();
  private readonly studies = new Map<string, string>();
  private readonly factsRunning = new Map<string, Promise<void>>();
  private wishes: Wish[] = [];
  /** `bringing` is the place around which frames come from the browser's own store. */
  private running: Running | null = null;
  /** Series that the server would not give: not asked for again until somebody wants them anew. */
  private readonly refused = new Set<string>();
  private failures = 0;
  private readonly unpacking = new Unpacking();
  /** Around here memory holds all that it can. */
  private satisfied: Wish | null = null;
  private timer = 0;
  /** Ends the hold; null when there is none. */
  private endHold: (() => void) | null = null;
  private held: Promise<void> = Promise.resolve();
  /** Told when something is wrong that a person should know, null when it is over. */
  troubled: (trouble: Trouble | null) => void = () => undefined;
  /** Told when pixels of a frame are given back. */
  forgotten: (series: string, position: number) => void = () => undefined;

  constructor(
    private readonly study: string,
    totals: [uid: string, total: number, revision?: number][],
    private readonly budget: number,
    private readonly shelving: Shelving | null = null,
    private readonly pace = new Pace(),
  ) {
    for (const [uid, total, revision] of totals) this.series.set(uid, new SeriesFrames(uid, total, revision));
    if (typeof window !== "undefined") window.addEventListener("online", () => this.again());
    if (typeof document !== "undefined") document.addEventListener("visibilitychange", () => this.makeRoom());
  }

  /** Take in a series that is made here, or one of another study. */
  add(series: SeriesFrames, study = this.study): void {
    this.series.set(series.uid, series);
    this.studies.set(series.uid, study);
  }

  /** Let go of a series that was made here. */
  drop(uid: string): void {
    for (const kept of [this.series, this.studies, this.factsRunning]) kept.delete(uid);
  }

  get(uid: string): SeriesFrames {
    const found = this.series.get(uid);
    if (!found) throw new Error(`no series ${uid} in this study`);
    return found;
  }

  has(uid: string): boolean {
    return this.series.has(uid);
  }

  /** Facts that came with the page. */
  know(uid: string, position: number, facts: Facts): void {
    this.get(uid).addFacts(position, [facts]);
  }

  /**
   * Keep calm until `release`: the first picture has the computer to itself, and nothing but its frame is fetched. A slow
   * network has no time to lose: there the others follow at once, and are unpacked sooner than they come.
   */
  hold(): void {
    const timer = setTimeout(() => this.release(), HOLD_MS);
    this.held = new Promise((done) => {
      this.endHold = () => (clearTimeout(timer), done());
    });
  }

  private get isHolding(): boolean {
    return this.endHold !== null && this.pace.encoding === "raw";
  }

  /** The first picture stands on the screen. */
  release(): void {
    if (!this.endHold) return;
    this.endHold();
    this.endHold = null;
    this.want(this.wishes);
  }

  /** Settles when nothing is held back any more. */
  calm(): Promise<void> {
    return this.held;
  }

  /** Say what is looked at, the most wanted first; everything else is fetched after it. */
  want(wishes: Wish[]): void {
    const before = new Set(this.wishes.map((wish) => wish.series));
    this.wishes = wishes.filter((wish) => this.series.has(wish.series));
    for (const { series } of this.wishes) if (!before.has(series)) this.pardon(series);
    if (!this.isHolding) for (const wish of this.wishes) void this.factsOf(wish.series);
    const first = this.wishes.find((wish) => !this.get(wish.series).isSettled(wish.position)) ?? null;
    if (first && this.running && !this.isComing(first)) this.running.control.abort();
    if (!this.running && !this.timer) void this.run();
  }

  /** Try again now, as after a new sign-in. */
  again(): void {
    clearTimeout(this.timer);
    this.timer = 0;
    this.failures = 0;
    for (const uid of [...this.refused]) this.pardon(uid);
    if (!this.running) void this.run();
    for (const wish of this.wishes) void this.factsOf(wish.series);
  }

  /** Ask for the facts of all frames of a series, once. */
  factsOf(uid: string): Promise<void> {
    const running = this.factsRunning.get(uid);
    if (running) return running;
    if (this.refused.has(uid)) return Promise.resolve();
    const promise = this.fetchFacts(this.get(uid)).then(
      // What was wrong with the network is over; a stream that runs tells so itself.
      () => (this.running ? undefined : this.troubled(null)),
      (error: unknown) => {
        this.factsRunning.delete(uid);
        this.report(error, uid);
      },
    );
    this.factsRunning.set(uid, promise);
    return promise;
  }

  private pardon(uid: string): void {
    if (this.refused.delete(uid)) this.get(uid).refuse(undefined);
  }

  private async fetchFacts(series: SeriesFrames): Promise<void> {
    if (series.isMade) return;
    for (let offset = 0; offset < series.total; offset += FACTS_AT_ONCE) {
      const answer = await request(`${this.address(series.uid)}/facts?offset=${offset}&limit=${FACTS_AT_ONCE}&v=${series.revision}`);
      series.addFacts(offset, expanded((await answer.json()) as CompactFacts));
    }
    series.factsComplete = true;
    series.addFacts(0, []);
    // Pixels that came before their facts can be kept only now.
    if (!this.running) this.shelving?.rest(() => this.series.values());
  }

  private isComing(wish: Wish): boolean {
    if (this.running?.series !== wish.series) return false;
    if (this.running.bringing === wish.position) return true;
    return this.running.coming.before(wish.position) <= PATIENCE;
  }

  private async run(): Promise<void> {
    const wish = this.next();
    if (!wish) {
      this.shelving?.rest(() => this.series.values());
      return;
    }
    const series = this.get(wish.series);
    const running: Running = { series: wish.series, control: new AbortController(), coming: new Coming(), bringing: -1 };
    this.running = running;
    try {
      if (!series.known) await this.factsOf(series.uid);
      if (!this.isHolding && this.shelving?.isEmpty === false) await this.bring(series, wish.position, running);
      const { ranges, isMade } = this.isHolding ? only(series, wish.position) : missing(series, wish.position);
      running.coming = new Coming(ranges, this.sideBySide);
      if (this.isPacked(series, isMade)) this.unpacking.prepare();
      await this.streams(series, running, isMade);
      this.failures = 0;
      this.troubled(null);
    } catch (error) {
      if (!isAbort(error)) this.report(error, wish.series);
    } finally {
      this.running = null;
    }
    if (!this.timer) void this.run();
  }

  /** A page that nobody sees leaves the connections to the one that is looked at. */
  private get sideBySide(): number {
    const isHidden = typeof document !== "undefined" && document.hidden;
    return this.pace.encoding === "raw" || isHidden ? 1 : SIDE_BY_SIDE;
  }

  private makeRoom(): void {
    const coming = this.running?.coming;
    if (coming && coming.left > LEFT_TO_CHANGE && (coming.answers > 1) !== this.sideBySide > 1) this.running?.control.abort();
  }

  /** What this browser has kept of a series; rejects when it is no longer wanted. */
  private async bring(series: SeriesFrames, from: number, running: { control: AbortController; bringing: number }): Promise<void> {
    if (!this.shelving) return;
    const { signal } = running.control;
    running.bringing = from;
    await this.shelving.bring(series, from, () => this.factsOf(series.uid), (arrival) => this.take(series, arrival), signal);
    running.bringing = -1;
    signal.throwIfAborted();
  }

  private async streams(series: SeriesFrames, { coming, control }: Running, isMade: boolean): Promise<void> {
    const unpacked: Promise<void>[] = [];
    const receiver = {
      arrived: (arrival: Arrival) => {
        coming.arrived(arrival.position);
        if (arrival.code === JPEG_LS && arrival.problem === undefined) unpacked.push(this.unpack(series, arrival));
        else this.take(series, arrival);
      },
      carried: (bytes: number, ms: number) => {
        // Each of several answers is given its share of what the network carries.
        const isOther = this.pace.saw(bytes * coming.answers, ms);
        if (isOther && coming.left > LEFT_TO_CHANGE && canPack(series)) control.abort();
      },
    };
    this.pace.begin();
    const addresses = coming.lanes.map((lane) => this.streamAddress(series, rangesText(rangesOf(lane)), isMade));
    try {
      await allOrNone(addresses.map((address) => receive(address, control.signal, receiver)), control);
    } finally {
      // What has come is kept, also when the rest is not to come; it is not asked for again while it is being unpacked.
      await Promise.all(unpacked);
    }
  }

  private take(series: SeriesFrames, arrival: Arrival): void {
    series.take(arrival);
    this.keepBudget(series.uid, arrival.position);
    this.shelving?.came(() => this.series.values());
  }

  private async unpack(series: SeriesFrames, { position, payload }: Arrival): Promise<void> {
    const facts = series.facts[position] ?? series.known;
    const bytes = facts?.transport?.endsWith("16") ? 2 : 1;
    try {
      const { samples, problem } = await this.unpacking.unpack(payload, bytes);
      if (samples) this.take(series, { position, code: RAW, payload: samples });
      else this.take(series, { position, code: RAW, payload: new ArrayBuffer(0), problem: problem ?? "" });
    } catch (error) {
      if (!(error instanceof NoWorkers)) throw error;
      this.pace.forbid();
    }
  }

  /** As stored where the browser can use that, packed where the network is slow, else made ready by the server. */
  private streamAddress(series: SeriesFrames, ranges: string, isMade: boolean): string {
    const encoding = this.isPacked(series, isMade) ? `&encoding=${this.pace.encoding}` : "";
    return `${this.address(series.uid)}/${isMade ? "pixels" : "stream"}?frames=${ranges}${encoding}`;
  }

  private isPacked(series: SeriesFrames, isMade: boolean): boolean {
    return !isMade && this.pace.encoding !== "raw" && canPack(series);
  }

  /** The most wanted series with something missing; then the hidden ones, while the budget lasts. */
  private next(): Wish | null {
    const isOpen = (uid: string) => !this.get(uid).isComplete && !this.refused.has(uid);
    if (this.isHolding) return this.wishes.find((wish) => isOpen(wish.series) && !this.get(wish.series).isSettled(wish.position)) ?? null;
    for (const wish of this.wishes) if (isOpen(wish.series) && !this.isFull(wish.series)) return wish;
    if (this.bytes() > this.budget * 0.7) return null;
    const hidden = [...this.series.values()].find((series) => isOpen(series.uid) && series.total && !this.studies.has(series.uid));
    if (!hidden) return null;
    void this.factsOf(hidden.uid);
    return { series: hidden.uid, position: 0 };
  }

  private isFull(uid: string): boolean {
    return this.satisfied !== null && this.wishes.includes(this.satisfied) && this.satisfied.series === uid;
  }

  bytes(): number {
    let sum = 0;
    for (const series of this.series.values()) sum += series.bytes;
    return sum;
  }

  private keepBudget(arrivedIn: string, arrivedAt: number): void {
    while (this.bytes() > this.budget) {
      const victim = farthest(this.series, this.wishes) ?? { series: arrivedIn, position: arrivedAt };
      this.get(victim.series).forget(victim.position);
      this.forgotten(victim.series, victim.position);
      // The newest one was the farthest: nothing nearer is missing, so the stream has done what it can.
      if (victim.series === arrivedIn && victim.position === arrivedAt) {
        this.satisfied = this.wishes.find((wish) => wish.series === arrivedIn) ?? null;
        this.running?.control.abort();
      }
    }
  }

  private report(error: unknown, uid: string): void {
    const known = error instanceof RequestError ? error : new RequestError(String(error), "network");
    this.troubled({ words: known.message, kind: known.kind });
    if (known.kind === "refused") {
      // Asking again at once would only be refused again, without an end.
      this.refused.add(uid);
      this.get(uid).refuse(known.message);
    }
    if (known.kind === "refused" || this.timer) return;
    const delay = RETRY_MS[Math.min(this.failures, RETRY_MS.length - 1)] as number;
    this.failures += 1;
    this.timer = window.setTimeout(() => {
      this.timer = 0;
      if (!this.running) void this.run();
      for (const wish of this.wishes) void this.factsOf(wish.series);
    }, delay);
  }

  private address(series: string): string {
    return `/study/${this.studies.get(series) ?? this.study}/series/${series}`;
  }
}

interface Missing {
  ranges: Range[];
  /** Made ready by the server, as against as stored. */
  isMade: boolean;
}

function only(series: SeriesFrames, position: number): Missing {
  return { ranges: [[position, position]], isMade: series.needsMaking(position) };
}

/** What to ask for next around a place, all of it of one way. */
function missing(series: SeriesFrames, from: number): Missing {
  const isMissing = (position: number) => !series.isSettled(position);
  const nearest = outward(series.total, from, isMissing, 1)[0]?.[0] ?? from;
  const isMade = series.needsMaking(nearest);
  return { ranges: outward(series.total, from, (position) => isMissing(position) && series.needsMaking(position) === isMade), isMade };
}

/** Whether the server can send this series packed, and we can use what comes of it. */
function canPack(series: SeriesFrames): boolean {
  return series.known?.transport?.includes("int") ?? false;
}

/** One phase of a series as a series of its own: it scrolls, plays, measures and makes planes as the others do. */

import { SeriesFrames, type Picture } from "../frames";

export class Part extends SeriesFrames {
  constructor(
    readonly whole: SeriesFrames,
    /** From 0. */
    readonly number: number,
    private readonly positions: number[],
  ) {
    super(partUid(whole, number), positions.length);
    positions.forEach((position, i) => (this.facts[i] = whole.facts[position]));
    this.factsComplete = true;
    this.count();
    whole.onChange(() => {
      this.count();
      this.addFacts(0, []);
    });
  }

  override get needs(): string {
    return this.whole.needs;
  }

  override get isMade(): boolean {
    return true;
  }

  override sourceOf(position: number): number {
    return this.positions[position] ?? 0;
  }

  override has(position: number): boolean {
    return this.whole.has(this.sourceOf(position));
  }

  /** The pixels are those of the whole, and count there. */
  override hasPixels(): boolean {
    return false;
  }

  override isSettled(position: number): boolean {
    return this.whole.isSettled(this.sourceOf(position));
  }

  override problem(position: number): string | undefined {
    return this.whole.problem(this.sourceOf(position));
  }

  override picture(position: number): Picture | null {
    return this.whole.picture(this.sourceOf(position));
  }

  override get loaded(): number {
    return this.positions.reduce((sum, position) => sum + (this.whole.has(position) ? 1 : 0), 0);
  }

  private count(): void {
    this.settled = this.positions.reduce((sum, position) => sum + (this.whole.isSettled(position) ? 1 : 0), 0);
  }
}

export function partUid(whole: SeriesFrames, number: number): string {
  return `${whole.uid}~phase${number + 1}`;
}

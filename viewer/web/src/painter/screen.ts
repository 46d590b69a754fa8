/** One cell's picture, painted by the GPU straight from the frames in memory. */

import { tableOf, type ColourMap } from "../palettes";
import type { Library, SeriesFrames } from "../frames";
import { matrixOf, type Matrix, type Placement, type Size } from "../placement";
import type { Voi } from "../windowing";
import type { Brush } from "./brush";
import { shaderCurve, type Curve } from "./curve";

export interface Look {
  /** null for colour as it is. */
  voi: Voi | null;
  /** Low values bright. */
  inverted: boolean;
  smooth: boolean;
  /** null for grey, and for pictures that have colours of their own. */
  map: ColourMap | null;
}

export class Screen {
  private readonly canvas = document.createElement("canvas");
  private readonly context: ImageBitmapRenderingContext;
  private series: SeriesFrames | null = null;
  private position = -1;
  private look: Look = { voi: null, inverted: false, smooth: true, map: null };
  private curve: { of: Voi; curve: Curve } | null = null;
  private placement: Placement | null = null;
  private isAsked = false;
  /** Told after each picture painted. */
  drawn: (position: number) => void = () => undefined;
  /** Told in words why a frame that is here cannot be painted. */
  failed: (position: number, words: string) => void = () => undefined;

  constructor(
    private readonly brush: Brush,
    private readonly element: HTMLElement,
    private readonly library: Library,
    private readonly closed: (screen: Screen) => void,
  ) {
    this.context = this.canvas.getContext("bitmaprenderer", { alpha: false }) as ImageBitmapRenderingContext;
    element.replaceChildren(this.canvas);
  }

  /** Show a frame that has arrived. */
  show(uid: string, position: number): void {
    this.series = this.library.get(uid);
    this.position = position;
    this.ask();
  }

  /** What is on the canvas belongs to no one any more: nothing is painted until the next frame is shown. */
  clear(): void {
    this.series = null;
    this.position = -1;
  }

  setLook(look: Look): void {
    this.look = look;
    this.ask();
  }

  setPlacement(placement: Placement): void {
    this.placement = placement;
    this.ask();
  }

  resized(): void {
    this.ask();
  }

  destroy(): void {
    this.brush.release(this);
    this.canvas.remove();
    this.series = null;
    this.closed(this);
  }

  /** Everything that one event changes becomes one painting, still within that event's frame. */
  ask(): void {
    if (this.isAsked) return;
    this.isAsked = true;
    queueMicrotask(() => {
      this.isAsked = false;
      this.paint();
    });
  }

  private paint(): void {
    const picture = this.series?.picture(this.position);
    const box = { width: this.element.clientWidth, height: this.element.clientHeight };
    if (!picture || !this.placement || !box.width || !box.height) return;
    const density = devicePixelRatio || 1;
    const size = { width: Math.round(box.width * density), height: Math.round(box.height * density) };
    const { rows, columns, aspect } = picture.facts;
    const matrix = dense(matrixOf(this.placement, rows, columns, aspect, box), box, size);
    const { voi, inverted, smooth, map } = this.look;
    const curve = voi && !picture.isColour ? this.curveOf(voi) : null;
    const colours = map && !picture.isColour ? tableOf(map) : null;
    try {
      const bitmap = this.brush.paint(this, { picture, matrix, size, curve, inverted, smooth, colours });
      if (!bitmap) return;
      this.context.transferFromImageBitmap(bitmap);
    } catch (error) {
      this.failed(this.position, error instanceof Error ? error.message : String(error));
      return;
    }
    this.drawn(this.position);
  }

  private curveOf(voi: Voi): Curve {
    if (this.curve?.of !== voi) this.curve = { of: voi, curve: shaderCurve(voi) };
    return this.curve.curve;
  }
}

/** From CSS pixels of the box to those of the canvas. */
function dense(matrix: Matrix, box: Size, size: Size): Matrix {
  const x = size.width / box.width;
  const y = size.height / box.height;
  return { a: matrix.a * x, b: matrix.b * x, c: matrix.c * y, d: matrix.d * y, e: matrix.e * x, f: matrix.f * y };
}

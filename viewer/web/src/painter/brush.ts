/** One WebGL context for all cells of the page: holds the textures, paints a picture, hands it over as a bitmap. */

import type { Picture, Values } from "../frames";
import { toPicture, type Matrix, type Size } from "../placement";
import { t } from "../words";
import type { Curve } from "./curve";
import { build, type Needs, type Program } from "./program";

/** What is painted: a picture, where it lies (in canvas pixels) and how its values become grey. */
export interface Painting {
  picture: Picture;
  matrix: Matrix;
  size: Size;
  /** null for colour as it is. */
  curve: Curve | null;
  inverted: boolean;
  smooth: boolean;
  /** Colours of the 256 display values (RGB by turns); null for grey. */
  colours: Uint8Array | null;
}

interface Texture {
  texture: WebGLTexture;
  format: number;
  rows: number;
  columns: number;
  filter: number;
  /** Whose values are in it. */
  holds: Values | null;
}

const TAPS_MAX = 4;
const PICTURE_UNIT = 0;
const CURVE_UNIT = 1;
const COLOURS_UNIT = 2;

/** This browser cannot paint with a graphics driver, nor with a program in place of one. */
export class NoGraphics extends Error {}

/** Stands for a value that is none; the program paints it, and what is mixed with it, black. */
const NOTHING = -1e30;

function hasGaps(values: Float32Array): boolean {
  for (let i = 0; i < values.length; i++) if (Number.isNaN(values[i])) return true;
  return false;
}

export class Brush {
  private canvas: OffscreenCanvas;
  private gl: WebGL2RenderingContext;
  private programs = new Map<string, Program>();
  private textures = new Map<object, Texture>();
  private curve: { texture: WebGLTexture; holds: Float32Array | null } | null = null;
  private colours: { texture: WebGLTexture; holds: Uint8Array | null } | null = null;
  /** Values on their way to the GPU as floats. */
  private floats = new Float32Array(0);
  private isFiltering = false;
  /** The longest side of a picture that the graphics can hold. */
  private sideMost = 0;
  /** Told when the graphics driver took everything away, and when it gave it back. */
  lost: (isLost: boolean) => void = () => undefined;

  constructor() {
    [this.canvas, this.gl] = this.taken();
    this.begin();
  }

  /** Begin with another context in place of one that does not come back; throws `NoGraphics` where there is none. */
  renew(): void {
    [this.canvas, this.gl] = this.taken();
    this.begin();
  }

  /**
   * Paint for `owner`, whose texture is kept from one painting to the next; null while there is nothing to paint with.
   * Throws in words where this device cannot paint the picture.
   */
  paint(owner: object, painting: Painting): ImageBitmap | null {
    const { gl, canvas } = this;
    if (gl.isContextLost()) return null;
    const { picture, size, curve, smooth } = painting;
    const { rows, columns } = picture.facts;
    if (Math.max(rows, columns) > this.sideMost) {
      throw new Error(t("The picture has {n} pixels a side, more than the graphics of this device can hold. The light view shows it.", { n: Math.max(rows, columns) }));
    }
    if (canvas.width !== size.width || canvas.height !== size.height) Object.assign(canvas, size);
    const taps = smooth ? tapsFor(painting.matrix) : 1;
    const byHand = smooth && !this.isFiltering && !(picture.values instanceof Uint8Array);
    const { program, at } = this.program({ byHand, taps: taps > 1, curve: !!curve?.values, colour: picture.isColour, mapped: !!painting.colours });
    gl.viewport(0, 0, size.width, size.height);
    gl.useProgram(program);
    this.hold(owner, picture, smooth && !byHand ? gl.LINEAR : gl.NEAREST);
    this.place(at, painting);
    gl.uniform1i(at.taps, taps);
    this.look(at, painting);
    gl.drawArrays(gl.TRIANGLES, 0, 3);
    const bitmap = canvas.transferToImageBitmap();
    // Lost on the way, it is black and no picture.
    return gl.isContextLost() ? null : bitmap;
  }

  /** Give back what is held for `owner`. */
  release(owner: object): void {
    const held = this.textures.get(owner);
    if (held) this.gl.deleteTexture(held.texture);
    this.textures.delete(owner);
  }

  private taken(): [OffscreenCanvas, WebGL2RenderingContext] {
    const canvas = new OffscreenCanvas(1, 1);
    const gl = canvas.getContext("webgl2", { alpha: false, antialias: false, depth: false, stencil: false, powerPreference: "high-performance" });
    if (!gl || gl.isContextLost()) throw new NoGraphics("no WebGL 2");
    canvas.addEventListener("webglcontextlost", (event) => {
      // Without this the browser would not give it back.
      event.preventDefault();
      if (canvas === this.canvas) this.lost(true);
    });
    canvas.addEventListener("webglcontextrestored", () => {
      if (canvas !== this.canvas) return;
      this.begin();
      this.lost(false);
    });
    return [canvas, gl];
  }

  /** Nothing of what was made in a context before is known to this one. */
  private begin(): void {
    this.programs = new Map();
    this.textures = new Map();
    this.curve = null;
    this.colours = null;
    this.gl.pixelStorei(this.gl.UNPACK_ALIGNMENT, 1);
    this.isFiltering = this.gl.getExtension("OES_texture_float_linear") !== null;
    this.sideMost = this.gl.getParameter(this.gl.MAX_TEXTURE_SIZE) as number;
  }

  private program(needs: Needs): Program {
    const key = Object.values(needs).join();
    let found = this.programs.get(key);
    if (!found) this.programs.set(key, (found = build(this.gl, needs)));
    return found;
  }

  private place(at: Program["at"], { picture, matrix, size }: Painting): void {
    const { gl } = this;
    const origin = toPicture(matrix, { x: 0, y: 0 });
    const { right, down } = steps(matrix);
    gl.uniform2f(at.origin, origin.x, origin.y);
    gl.uniform2f(at.right, right.x, right.y);
    gl.uniform2f(at.down, down.x, down.y);
    gl.uniform2f(at.size, picture.facts.columns, picture.facts.rows);
    gl.uniform1f(at.height, size.height);
  }

  private look(at: Program["at"], { curve, inverted, picture, colours }: Painting): void {
    const { gl } = this;
    const scale = picture.values instanceof Uint8Array ? 255 : 1;
    const [low, high] = curve?.limits ?? [0, 255];
    gl.uniform2f(at.limits, low / scale, high / scale);
    gl.uniform1f(at.inverted, inverted ? 1 : 0);
    gl.uniform1i(at.picture, PICTURE_UNIT);
    gl.uniform1i(at.curve, CURVE_UNIT);
    gl.uniform1i(at.colours, COLOURS_UNIT);
    if (curve?.values) this.holdCurve(curve.values);
    if (colours) this.holdColours(colours);
  }

  /** Have the picture's values in the owner's texture; what is there already is not sent again. */
  private hold(owner: object, picture: Picture, filter: number): void {
    const { gl } = this;
    const { rows, columns } = picture.facts;
    const [internal, format, type] = this.formatOf(picture);
    gl.activeTexture(gl.TEXTURE0 + PICTURE_UNIT);
    let held = this.textures.get(owner);
    if (held && (held.format !== internal || held.rows !== rows || held.columns !== columns)) {
      this.release(owner);
      held = undefined;
    }
    if (!held) {
      held = { texture: this.newTexture(), format: internal, rows, columns, filter: gl.NEAREST, holds: null };
      gl.texStorage2D(gl.TEXTURE_2D, 1, internal, columns, rows);
      this.textures.set(owner, held);
    }
    gl.bindTexture(gl.TEXTURE_2D, held.texture);
    if (held.filter !== filter) this.filter((held.filter = filter));
    if (held.holds === picture.values) return;
    gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, columns, rows, format, type, type === gl.FLOAT ? this.asFloats(picture.values) : picture.values);
    held.holds = picture.values;
  }

  private asFloats(values: Values): Float32Array {
    if (values instanceof Float32Array && !hasGaps(values)) return values;
    if (this.floats.length !== values.length) this.floats = new Float32Array(values.length);
    this.floats.set(values);
    // Drivers need not keep NaN apart from numbers, and interpolate it into its neighbours.
    if (values instanceof Float32Array) for (let i = 0; i < values.length; i++) if (Number.isNaN(values[i])) this.floats[i] = NOTHING;
    return this.floats;
  }

  private holdCurve(values: Float32Array): void {
    const { gl } = this;
    gl.activeTexture(gl.TEXTURE0 + CURVE_UNIT);
    if (!this.curve) this.curve = { texture: this.newTexture(), holds: null };
    gl.bindTexture(gl.TEXTURE_2D, this.curve.texture);
    if (this.curve.holds === values) return;
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.R32F, values.length, 1, 0, gl.RED, gl.FLOAT, values);
    this.curve.holds = values;
  }

  private holdColours(values: Uint8Array): void {
    const { gl } = this;
    gl.activeTexture(gl.TEXTURE0 + COLOURS_UNIT);
    if (!this.colours) this.colours = { texture: this.newTexture(), holds: null };
    gl.bindTexture(gl.TEXTURE_2D, this.colours.texture);
    if (this.colours.holds === values) return;
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGB8, values.length / 3, 1, 0, gl.RGB, gl.UNSIGNED_BYTE, values);
    this.colours.holds = values;
  }

  private newTexture(): WebGLTexture {
    const { gl } = this;
    const texture = gl.createTexture();
    gl.bindTexture(gl.TEXTURE_2D, texture);
    this.filter(gl.NEAREST);
    for (const wrap of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, wrap, gl.CLAMP_TO_EDGE);
    return texture;
  }

  private filter(filter: number): void {
    const { gl } = this;
    for (const name of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, name, filter);
  }

  /** Internal format, format and type of the texture. */
  private formatOf({ values, isColour }: Picture): [number, number, number] {
    const { gl } = this;
    if (isColour) return [gl.RGB8, gl.RGB, gl.UNSIGNED_BYTE];
    if (values instanceof Uint8Array) return [gl.R8, gl.RED, gl.UNSIGNED_BYTE];
    return [gl.R32F, gl.RED, gl.FLOAT];
  }
}

/** One pixel of the canvas to the right and one down, in stored pixels. */
function steps(matrix: Matrix): { right: { x: number; y: number }; down: { x: number; y: number } } {
  const origin = toPicture(matrix, { x: 0, y: 0 });
  const right = toPicture(matrix, { x: 1, y: 0 });
  const down = toPicture(matrix, { x: 0, y: 1 });
  return { right: { x: right.x - origin.x, y: right.y - origin.y }, down: { x: down.x - origin.x, y: down.y - origin.y } };
}

/** Half as small still keeps every stored pixel among the four neighbours of a place. */
function tapsFor(matrix: Matrix): number {
  const { right, down } = steps(matrix);
  const step = Math.max(Math.hypot(right.x, right.y), Math.hypot(down.x, down.y));
  return Math.min(TAPS_MAX, Math.max(1, Math.ceil(step / 2 - 1e-3)));
}

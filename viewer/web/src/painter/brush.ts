/** One WebGL context for all cells of the page: holds the textures, paints a picture, hands it over as a bitmap. */

import type { Picture, Values } from "../frames";
import { toPicture, type Matrix, type Size } from "../placement";
import type { Curve } from "./curve";
import { build, type Program, type SampleKind } from "./program";

/** What is painted: a picture, where it lies (in canvas pixels) and how its values become grey. */
export interface Painting {
  picture: Picture;
  matrix: Matrix;
  size: Size;
  /** null for colour as it is. */
  curve: Curve | null;
  inverted: boolean;
  smooth: boolean;
}

interface Texture {
  texture: WebGLTexture;
  format: number;
  rows: number;
  columns: number;
  /** Whose values are in it. */
  holds: Values | null;
}

const TAPS_MAX = 4;
const PICTURE_UNIT = 0;
const CURVE_UNIT = 1;

export class Brush {
  private readonly canvas = new OffscreenCanvas(1, 1);
  private readonly gl: WebGL2RenderingContext;
  private programs = new Map<SampleKind, Program>();
  private textures = new Map<object, Texture>();
  private curve: { texture: WebGLTexture; holds: Float32Array | null } | null = null;
  /** Told when the graphics driver took everything away, and when it gave it back. */
  lost: (isLost: boolean) => void = () => undefined;

  constructor() {
    const gl = this.canvas.getContext("webgl2", { alpha: false, antialias: false, depth: false, stencil: false, powerPreference: "high-performance" });
    if (!gl) throw new Error("no WebGL 2");
    this.gl = gl;
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    this.canvas.addEventListener("webglcontextlost", (event) => {
      event.preventDefault();
      this.lost(true);
    });
    this.canvas.addEventListener("webglcontextrestored", () => {
      this.programs = new Map();
      this.textures = new Map();
      this.curve = null;
      gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
      this.lost(false);
    });
  }

  /** Paint for `owner`, whose texture is kept from one painting to the next; null while the driver has nothing to paint with. */
  paint(owner: object, painting: Painting): ImageBitmap | null {
    const { gl, canvas } = this;
    if (gl.isContextLost()) return null;
    const { picture, size } = painting;
    if (canvas.width !== size.width || canvas.height !== size.height) Object.assign(canvas, size);
    const { program, at } = this.program(kindOf(picture));
    gl.viewport(0, 0, size.width, size.height);
    gl.useProgram(program);
    gl.activeTexture(gl.TEXTURE0 + PICTURE_UNIT);
    this.hold(owner, picture);
    gl.uniform1i(at.picture, PICTURE_UNIT);
    gl.uniform1i(at.curve, CURVE_UNIT);
    this.place(at, painting);
    this.look(at, painting);
    gl.drawArrays(gl.TRIANGLES, 0, 3);
    return canvas.transferToImageBitmap();
  }

  /** Give back what is held for `owner`. */
  release(owner: object): void {
    const held = this.textures.get(owner);
    if (held) this.gl.deleteTexture(held.texture);
    this.textures.delete(owner);
  }

  private program(kind: SampleKind): Program {
    let found = this.programs.get(kind);
    if (!found) this.programs.set(kind, (found = build(this.gl, kind)));
    return found;
  }

  private place(at: Program["at"], { picture, matrix, size, smooth }: Painting): void {
    const { gl } = this;
    const origin = toPicture(matrix, { x: 0, y: 0 });
    const right = toPicture(matrix, { x: 1, y: 0 });
    const down = toPicture(matrix, { x: 0, y: 1 });
    const [rx, ry, dx, dy] = [right.x - origin.x, right.y - origin.y, down.x - origin.x, down.y - origin.y];
    const step = Math.max(Math.hypot(rx, ry), Math.hypot(dx, dy));
    gl.uniform2f(at.origin, origin.x, origin.y);
    gl.uniform2f(at.right, rx, ry);
    gl.uniform2f(at.down, dx, dy);
    gl.uniform2f(at.size, picture.facts.columns, picture.facts.rows);
    gl.uniform1f(at.height, size.height);
    // Half as small still keeps every stored pixel among the four neighbours.
    gl.uniform1i(at.taps, smooth ? Math.min(TAPS_MAX, Math.ceil(step / 2 - 1e-3)) : 1);
    gl.uniform1i(at.smooth_, smooth ? 1 : 0);
  }

  private look(at: Program["at"], { curve, inverted, picture }: Painting): void {
    const { gl } = this;
    gl.uniform1i(at.colour, picture.isColour ? 1 : 0);
    gl.uniform1f(at.inverted, inverted ? 1 : 0);
    const scale = picture.values instanceof Uint8Array ? 255 : 1;
    const [low, high] = curve?.limits ?? [0, 255];
    gl.uniform2f(at.limits, low / scale, high / scale);
    gl.uniform1i(at.byCurve, curve?.values ? 1 : 0);
    this.holdCurve(curve?.values ?? null);
  }

  private hold(owner: object, picture: Picture): void {
    const { gl } = this;
    const { rows, columns } = picture.facts;
    const { internal, format, type } = this.formatOf(picture);
    let held = this.textures.get(owner);
    if (held && (held.format !== internal || held.rows !== rows || held.columns !== columns)) {
      this.release(owner);
      held = undefined;
    }
    if (!held) {
      held = { texture: this.newTexture(), format: internal, rows, columns, holds: null };
      gl.texStorage2D(gl.TEXTURE_2D, 1, internal, columns, rows);
      this.textures.set(owner, held);
    }
    gl.bindTexture(gl.TEXTURE_2D, held.texture);
    if (held.holds === picture.values) return;
    gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, columns, rows, format, type, picture.values);
    held.holds = picture.values;
  }

  private holdCurve(values: Float32Array | null): void {
    const { gl } = this;
    gl.activeTexture(gl.TEXTURE0 + CURVE_UNIT);
    if (!this.curve) this.curve = { texture: this.newTexture(), holds: new Float32Array(0) };
    gl.bindTexture(gl.TEXTURE_2D, this.curve.texture);
    if (this.curve.holds === values) return;
    const shown = values ?? new Float32Array(1);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.R32F, shown.length, 1, 0, gl.RED, gl.FLOAT, shown);
    this.curve.holds = values;
  }

  private newTexture(): WebGLTexture {
    const { gl } = this;
    const texture = gl.createTexture();
    gl.bindTexture(gl.TEXTURE_2D, texture);
    for (const filter of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, filter, gl.NEAREST);
    for (const wrap of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, wrap, gl.CLAMP_TO_EDGE);
    return texture;
  }

  private formatOf({ values, isColour }: Picture): { internal: number; format: number; type: number } {
    const { gl } = this;
    if (isColour) return { internal: gl.RGB8, format: gl.RGB, type: gl.UNSIGNED_BYTE };
    if (values instanceof Uint8Array) return { internal: gl.R8, format: gl.RED, type: gl.UNSIGNED_BYTE };
    if (values instanceof Int16Array) return { internal: gl.R16I, format: gl.RED_INTEGER, type: gl.SHORT };
    if (values instanceof Uint16Array) return { internal: gl.R16UI, format: gl.RED_INTEGER, type: gl.UNSIGNED_SHORT };
    return { internal: gl.R32F, format: gl.RED, type: gl.FLOAT };
  }
}

function kindOf({ values }: Picture): SampleKind {
  if (values instanceof Int16Array) return "int";
  return values instanceof Uint16Array ? "uint" : "float";
}

/** Casts rays through a block on the GPU: colour and opacity gathered from front to back, shaded by the gradient. */

import type { Vector } from "../sync";
import type { Volume } from "../volume";
import type { Block } from "./block";
import { axesOf, type Camera } from "./camera";

/** Parts of the body that are cut away, 0 to 1 of each side: from the right, from the front, from above. */
export interface Clip {
  side: number;
  front: number;
  top: number;
}

const VERTEX = `#version 300 es
void main() { vec2 p = vec2((gl_VertexID << 1) & 2, gl_VertexID & 2); gl_Position = vec4(p * 2.0 - 1.0, 0, 1); }`;

const FRAGMENT = `#version 300 es
precision highp float;
precision highp sampler3D;
uniform sampler3D block;
uniform sampler2D curve;
uniform vec2 size;
uniform float span;
uniform vec3 right, up, into, mm, low, high;
uniform mat3 body;
uniform int steps;
out vec4 colour;

float value(vec3 at) { return texture(block, at).r; }

void main() {
  vec2 screen = (gl_FragCoord.xy - size / 2.0) / min(size.x, size.y) * span;
  // Places and directions in mm along the block's own axes.
  vec3 from = body * (right * screen.x + up * screen.y - into * span);
  vec3 way = body * into;
  vec3 safe = way + vec3(equal(way, vec3(0))) * 1e-6;
  vec3 a = ((low - 0.5) * mm - from) / safe;
  vec3 b = ((high - 0.5) * mm - from) / safe;
  vec3 near3 = min(a, b), far3 = max(a, b);
  float near = max(max(near3.x, near3.y), max(near3.z, 0.0));
  float far = min(min(far3.x, far3.y), far3.z);
  vec4 sum = vec4(0);
  if (near < far) {
    float stepMm = max((far - near) / float(steps), 0.35);
    vec3 texel = 1.0 / vec3(textureSize(block, 0));
    float noise = fract(sin(dot(gl_FragCoord.xy, vec2(12.9898, 78.233))) * 43758.5453);
    for (float t = near + noise * stepMm; t < far && sum.a < 0.97; t += stepMm) {
      vec3 at = (from + way * t) / mm + 0.5;
      vec4 found = texture(curve, vec2(value(at), 0.5));
      if (found.a < 0.004) continue;
      vec3 slope = vec3(
        value(at + vec3(texel.x, 0, 0)) - value(at - vec3(texel.x, 0, 0)),
        value(at + vec3(0, texel.y, 0)) - value(at - vec3(0, texel.y, 0)),
        value(at + vec3(0, 0, texel.z)) - value(at - vec3(0, 0, texel.z))) / (texel * mm);
      float steep = length(slope);
      float light = steep > 1e-4 ? 0.35 + 0.65 * abs(dot(slope / steep, way)) : 0.8;
      float opacity = 1.0 - pow(1.0 - found.a, stepMm);
      sum += (1.0 - sum.a) * vec4(found.rgb * light * opacity, opacity);
    }
  }
  colour = vec4(sum.rgb, 1);
}`;

export class Caster {
  private readonly gl: WebGL2RenderingContext;
  private readonly program: WebGLProgram;
  private block: Block | null = null;
  private readonly places = new Map<string, WebGLUniformLocation | null>();

  constructor(readonly canvas: HTMLCanvasElement) {
    const gl = canvas.getContext("webgl2", { alpha: false, antialias: false, preserveDrawingBuffer: true });
    if (!gl) throw new Error("no WebGL 2");
    this.gl = gl;
    this.program = linked(gl);
    gl.useProgram(this.program);
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    for (const unit of [0, 1]) {
      gl.activeTexture(gl.TEXTURE0 + unit);
      const target = unit ? gl.TEXTURE_2D : gl.TEXTURE_3D;
      gl.bindTexture(target, gl.createTexture());
      gl.texParameteri(target, gl.TEXTURE_MIN_FILTER, gl.LINEAR);
      gl.texParameteri(target, gl.TEXTURE_MAG_FILTER, gl.LINEAR);
      for (const wrap of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T, gl.TEXTURE_WRAP_R]) gl.texParameteri(target, wrap, gl.CLAMP_TO_EDGE);
    }
    gl.uniform1i(this.at("block"), 0);
    gl.uniform1i(this.at("curve"), 1);
  }

  hold(block: Block, volume: Volume): void {
    const { gl } = this;
    this.block = block;
    gl.activeTexture(gl.TEXTURE0);
    gl.texImage3D(gl.TEXTURE_3D, 0, gl.R8, ...block.size, 0, gl.RED, gl.UNSIGNED_BYTE, block.bytes);
    // Rows of the matrix are the block's axes in the patient; WebGL takes it column by column.
    const { row, column, normal } = volume;
    gl.uniformMatrix3fv(this.at("body"), false, [0, 1, 2].flatMap((i) => [row[i] as number, column[i] as number, normal[i] as number]));
    gl.uniform3fv(this.at("mm"), block.mm);
  }

  colours(curve: Uint8Array): void {
    const { gl } = this;
    gl.activeTexture(gl.TEXTURE1);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, 256, 1, 0, gl.RGBA, gl.UNSIGNED_BYTE, curve);
  }

  draw(camera: Camera, clip: Clip, volume: Volume, steps: number): void {
    const { gl, canvas, block } = this;
    if (!block) return;
    const { right, up, into } = axesOf(camera);
    gl.viewport(0, 0, canvas.width, canvas.height);
    gl.uniform2f(this.at("size"), canvas.width, canvas.height);
    gl.uniform1f(this.at("span"), Math.hypot(...block.mm) / 1.25 / camera.zoom);
    gl.uniform3fv(this.at("right"), right);
    gl.uniform3fv(this.at("up"), up);
    gl.uniform3fv(this.at("into"), into);
    const { low, high } = boundsOf(clip, volume);
    gl.uniform3fv(this.at("low"), low);
    gl.uniform3fv(this.at("high"), high);
    gl.uniform1i(this.at("steps"), steps);
    gl.drawArrays(gl.TRIANGLES, 0, 3);
  }

  destroy(): void {
    this.gl.getExtension("WEBGL_lose_context")?.loseContext();
  }

  private at(name: string): WebGLUniformLocation | null {
    let place = this.places.get(name);
    if (place === undefined) this.places.set(name, (place = this.gl.getUniformLocation(this.program, name)));
    return place;
  }
}

/** What is left of the block, 0 to 1 along its own axes, when parts are cut from sides of the patient. */
function boundsOf(clip: Clip, volume: Volume): { low: Vector; high: Vector } {
  const low: Vector = [0, 0, 0];
  const high: Vector = [1, 1, 1];
  const cuts: [Vector, number][] = [
    [[-1, 0, 0], clip.side],
    [[0, -1, 0], clip.front],
    [[0, 0, 1], clip.top],
  ];
  for (const [towards, part] of cuts) {
    const along = [volume.row, volume.column, volume.normal].map((axis) => axis[0] * towards[0] + axis[1] * towards[1] + axis[2] * towards[2]);
    const axis = along.reduce((best, value, i) => (Math.abs(value) > Math.abs(along[best] as number) ? i : best), 0);
    if ((along[axis] as number) > 0) high[axis] = Math.min(high[axis] as number, 1 - part);
    else low[axis] = Math.max(low[axis] as number, part);
  }
  return { low, high };
}

function linked(gl: WebGL2RenderingContext): WebGLProgram {
  const program = gl.createProgram();
  for (const [kind, source] of [
    [gl.VERTEX_SHADER, VERTEX],
    [gl.FRAGMENT_SHADER, FRAGMENT],
  ] as const) {
    const shader = gl.createShader(kind) as WebGLShader;
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS)) throw new Error(gl.getShaderInfoLog(shader) ?? "no shader");
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(program) ?? "no program");
  return program;
}

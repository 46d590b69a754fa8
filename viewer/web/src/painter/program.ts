/**
 * The program that paints one picture. The fragment shader asks, for each pixel of the screen, which place of the stored
 * picture lies there, interpolates between modality values and only then applies the window, as PS3.3 C.11.2 has it.
 *
 * Integer textures cannot be filtered by the GPU, and 16-bit values do not fit a half float: so the four neighbours are
 * fetched by hand, which also gives every type of sample the same picture. Where the picture is shown smaller than it is,
 * several places of each screen pixel are averaged, so that fine structures do not flicker.
 */

export type SampleKind = "int" | "uint" | "float";

const VERTEX = `#version 300 es
void main() {
  vec2 corner = vec2(gl_VertexID == 1 ? 3.0 : -1.0, gl_VertexID == 2 ? 3.0 : -1.0);
  gl_Position = vec4(corner, 0.0, 1.0);
}`;

const SAMPLERS: Record<SampleKind, string> = { int: "isampler2D", uint: "usampler2D", float: "sampler2D" };

function fragment(kind: SampleKind): string {
  return `#version 300 es
precision highp float;
precision highp int;
precision highp ${SAMPLERS[kind]};
uniform ${SAMPLERS[kind]} picture;
uniform highp sampler2D curve;
// Places of the picture: origin, one screen pixel to the right, one down. In stored pixels, from the outer corner.
uniform vec2 origin, right, down;
uniform vec2 size;
uniform float height;
uniform int taps;
uniform bool smooth_, colour, byCurve;
// The values that become black and white.
uniform vec2 limits;
uniform float inverted;
out vec4 painted;

vec3 at(ivec2 place) {
  return vec3(texelFetch(picture, clamp(place, ivec2(0), ivec2(size) - 1), 0).rgb);
}

vec3 value(vec2 place) {
  if (!smooth_) return at(ivec2(floor(place)));
  vec2 from = place - 0.5;
  ivec2 first = ivec2(floor(from));
  vec2 share = from - vec2(first);
  vec3 upper = mix(at(first), at(first + ivec2(1, 0)), share.x);
  vec3 lower = mix(at(first + ivec2(0, 1)), at(first + ivec2(1, 1)), share.x);
  return mix(upper, lower, share.y);
}

vec3 shown(vec3 found) {
  if (colour) return found;
  float share = clamp((found.r - limits.x) / (limits.y - limits.x), 0.0, 1.0);
  if (byCurve) {
    int last = textureSize(curve, 0).x - 1;
    float where = share * float(last);
    int below = int(floor(where));
    share = mix(texelFetch(curve, ivec2(below, 0), 0).r, texelFetch(curve, ivec2(min(below + 1, last), 0), 0).r, where - float(below));
  }
  return vec3(abs(inverted - share));
}

void main() {
  vec2 pixel = vec2(gl_FragCoord.x, height - gl_FragCoord.y);
  vec2 middle = origin + right * pixel.x + down * pixel.y;
  if (middle.x < 0.0 || middle.y < 0.0 || middle.x >= size.x || middle.y >= size.y) {
    painted = vec4(0.0, 0.0, 0.0, 1.0);
    return;
  }
  if (taps <= 1) {
    painted = vec4(shown(value(middle)), 1.0);
    return;
  }
  vec3 sum = vec3(0.0);
  for (int i = 0; i < taps; i++) {
    for (int j = 0; j < taps; j++) {
      vec2 aside = (vec2(float(i), float(j)) + 0.5) / float(taps) - 0.5;
      sum += value(middle + right * aside.x + down * aside.y);
    }
  }
  painted = vec4(shown(sum / float(taps * taps)), 1.0);
}`;
}

const UNIFORMS = ["picture", "curve", "origin", "right", "down", "size", "height", "taps", "smooth_", "colour", "byCurve", "limits", "inverted"] as const;

export interface Program {
  program: WebGLProgram;
  at: Record<(typeof UNIFORMS)[number], WebGLUniformLocation | null>;
}

/** Build the program for a kind of samples; throws with the driver's words. */
export function build(gl: WebGL2RenderingContext, kind: SampleKind): Program {
  const program = gl.createProgram();
  for (const [type, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, fragment(kind)]] as const) {
    const shader = gl.createShader(type) as WebGLShader;
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
    gl.deleteShader(shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS) && !gl.isContextLost()) {
    throw new Error(gl.getProgramInfoLog(program) ?? "the shader cannot be linked");
  }
  const at = Object.fromEntries(UNIFORMS.map((name) => [name, gl.getUniformLocation(program, name)])) as Program["at"];
  return { program, at };
}

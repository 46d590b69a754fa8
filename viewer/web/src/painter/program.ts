/**
 * The programs that paint one picture. The fragment shader asks, for each pixel of the screen, which place of the stored
 * picture lies there, interpolates between modality values and only then applies the window, as PS3.3 C.11.2 has it.
 *
 * Values are float32 in the texture: it holds every 16-bit value, and most drivers interpolate between floats themselves,
 * which without a GPU costs a quarter of doing it in the shader. Each program has only what a picture needs.
 */

export interface Needs {
  /** Interpolate in the shader, for drivers that cannot do it for floats. */
  byHand: boolean;
  /** Average several places of each screen pixel: the picture is shown smaller than it is, and fine lines must not flicker. */
  taps: boolean;
  /** A curve between the limits, not a straight line. */
  curve: boolean;
  colour: boolean;
  /** Display values become colours of a table. */
  mapped: boolean;
}

const VERTEX = `#version 300 es
void main() {
  vec2 corner = vec2(gl_VertexID == 1 ? 3.0 : -1.0, gl_VertexID == 2 ? 3.0 : -1.0);
  gl_Position = vec4(corner, 0.0, 1.0);
}`;

const BEGINNING = `#version 300 es
precision highp float;
precision highp int;
uniform highp sampler2D picture;
uniform highp sampler2D curve;
uniform highp sampler2D colours;
// Places of the picture: origin, one screen pixel to the right, one down. In stored pixels, from the outer corner.
uniform vec2 origin, right, down;
uniform vec2 size;
uniform float height;
uniform int taps;
// The values that become black and white.
uniform vec2 limits;
uniform float inverted;
out vec4 painted;
`;

const BY_DRIVER = `
vec3 value(vec2 place) {
  return texture(picture, place / size).rgb;
}`;

const BY_HAND = `
vec3 at(ivec2 place) {
  return texelFetch(picture, clamp(place, ivec2(0), ivec2(size) - 1), 0).rgb;
}
vec3 value(vec2 place) {
  vec2 from = place - 0.5;
  ivec2 first = ivec2(floor(from));
  vec2 share = from - vec2(first);
  vec3 upper = mix(at(first), at(first + ivec2(1, 0)), share.x);
  vec3 lower = mix(at(first + ivec2(0, 1)), at(first + ivec2(1, 1)), share.x);
  return mix(upper, lower, share.y);
}`;

const ONE_PLACE = `
vec3 around(vec2 middle) {
  return value(middle);
}`;

const MANY_PLACES = `
vec3 around(vec2 middle) {
  vec3 sum = vec3(0.0);
  for (int i = 0; i < taps; i++) {
    for (int j = 0; j < taps; j++) {
      vec2 aside = (vec2(float(i), float(j)) + 0.5) / float(taps) - 0.5;
      sum += value(middle + right * aside.x + down * aside.y);
    }
  }
  return sum / float(taps * taps);
}`;

const COLOUR = `
vec3 shown(vec3 found) {
  return abs(inverted - found);
}`;

const STRAIGHT = `
vec3 shown(vec3 found) {
  return vec3(abs(inverted - clamp((found.r - limits.x) / (limits.y - limits.x), 0.0, 1.0)));
}`;

const CURVED = `
vec3 shown(vec3 found) {
  int last = textureSize(curve, 0).x - 1;
  float where = clamp((found.r - limits.x) / (limits.y - limits.x), 0.0, 1.0) * float(last);
  int below = int(floor(where));
  float low = texelFetch(curve, ivec2(below, 0), 0).r;
  float high = texelFetch(curve, ivec2(min(below + 1, last), 0), 0).r;
  return vec3(abs(inverted - mix(low, high, where - float(below))));
}`;

const AS_IT_IS = `
vec3 coloured(vec3 found) {
  return found;
}`;

const MAPPED = `
vec3 coloured(vec3 found) {
  return texelFetch(colours, ivec2(int(found.r * 255.0 + 0.5), 0), 0).rgb;
}`;

const END = `
void main() {
  vec2 middle = origin + right * gl_FragCoord.x + down * (height - gl_FragCoord.y);
  bool isInside = all(greaterThanEqual(middle, vec2(0.0))) && all(lessThan(middle, size));
  vec3 found = around(middle);
  // Far below every number: here is no value at all, and that is black under every window and sense.
  bool isThere = isInside && found.r > -1e20;
  painted = vec4(isThere ? coloured(shown(found)) : vec3(0.0), 1.0);
}`;

function fragment({ byHand, taps, curve, colour, mapped }: Needs): string {
  const window = curve ? CURVED : STRAIGHT;
  const parts = [byHand ? BY_HAND : BY_DRIVER, taps ? MANY_PLACES : ONE_PLACE, colour ? COLOUR : window, mapped ? MAPPED : AS_IT_IS];
  return [BEGINNING, ...parts, END].join("");
}

const UNIFORMS = ["picture", "curve", "colours", "origin", "right", "down", "size", "height", "taps", "limits", "inverted"] as const;

export interface Program {
  program: WebGLProgram;
  at: Record<(typeof UNIFORMS)[number], WebGLUniformLocation | null>;
}

/** Build a program; throws with the driver's words. */
export function build(gl: WebGL2RenderingContext, needs: Needs): Program {
  const program = gl.createProgram();
  for (const [type, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, fragment(needs)]] as const) {
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

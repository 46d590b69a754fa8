import { describe, expect, test } from "vitest";
import {
  fitScale,
  flippedAcross,
  flippedDown,
  keptInSight,
  lettersUnder,
  magnified,
  matrixOf,
  mmPerBoxPixel,
  scaleBar,
  squareSize,
  toBox,
  toPicture,
  turned,
  UPRIGHT,
  WHOLE,
  zoomedAt,
  type Placement,
  type Pose,
} from ".";

const BOX = { width: 800, height: 600 };
const LETTERS = { left: "R", right: "L", top: "A", bottom: "P" };
const CHANGES: ((pose: Pose) => Pose)[] = [(pose) => turned(pose, 90), (pose) => turned(pose, -90), flippedAcross, flippedDown];

/** Numbers that look random and are the same each time. */
function* numbers(seed: number): Generator<number> {
  let state = seed;
  for (;;) {
    state = (state * 1103515245 + 12345) % 2147483648;
    yield state / 2147483648;
  }
}

describe("a pose", () => {
  test("is the same again after four turns, two flips, and a flip each way with half a turn", () => {
    for (const rotate of [0, 90, 180, 270] as const) {
      for (const flip of [false, true]) {
        const pose = { rotate, flip };
        expect([1, 2, 3, 4].reduce((at) => turned(at, 90), pose)).toEqual(pose);
        expect(flippedAcross(flippedAcross(pose))).toEqual(pose);
        expect(flippedDown(flippedDown(pose))).toEqual(pose);
        expect(turned(flippedDown(flippedAcross(pose)), 180)).toEqual(pose);
      }
    }
  });

  test("turns letters and pixels alike, whatever was done before", () => {
    const random = numbers(7);
    for (let round = 0; round < 200; round++) {
      let pose = UPRIGHT;
      const steps = 1 + Math.floor((random.next().value as number) * 8);
      for (let i = 0; i < steps; i++) pose = (CHANGES[Math.floor((random.next().value as number) * 4)] as (from: Pose) => Pose)(pose);
      const placement: Placement = { pose, zoom: 0.5 + (random.next().value as number) * 4, pan: { x: 30, y: -20 } };
      const matrix = matrixOf(placement, 300, 200, 1.5, BOX);
      // The middle of each edge of the stored picture, and the letter there.
      const edges = { left: [0, 150], right: [200, 150], top: [100, 0], bottom: [100, 300] } as const;
      const middle = toBox(matrix, 100, 150);
      const shown = lettersUnder(LETTERS, pose);
      for (const [edge, [column, row]] of Object.entries(edges)) {
        const at = toBox(matrix, column, row);
        const dx = at.x - middle.x;
        const dy = at.y - middle.y;
        const side = Math.abs(dx) > Math.abs(dy) ? (dx > 0 ? "right" : "left") : dy > 0 ? "bottom" : "top";
        expect(shown[side]).toBe(LETTERS[edge as keyof typeof LETTERS]);
      }
      const there = toBox(matrix, 12.5, 280);
      const back = toPicture(matrix, there);
      expect(back.x).toBeCloseTo(12.5, 6);
      expect(back.y).toBeCloseTo(280, 6);
    }
  });
});

describe("the matrix", () => {
  test("fits the whole picture into the middle of the box", () => {
    const matrix = matrixOf(WHOLE, 512, 512, 1, BOX);
    expect(toBox(matrix, 0, 0)).toEqual({ x: 100, y: 0 });
    expect(toBox(matrix, 512, 512)).toEqual({ x: 700, y: 600 });
  });

  test("shows a pixel twice as high as wide so", () => {
    const matrix = matrixOf(WHOLE, 100, 100, 2, BOX);
    const height = toBox(matrix, 0, 1).y - toBox(matrix, 0, 0).y;
    const width = toBox(matrix, 1, 0).x - toBox(matrix, 0, 0).x;
    expect(height / width).toBeCloseTo(2, 9);
    expect(fitScale(squareSize(100, 100, 2), BOX, { rotate: 90, flip: false })).toBe(4);
  });

  test("turns clockwise after flipping, as the server does", () => {
    const matrix = matrixOf({ ...WHOLE, pose: { rotate: 90, flip: true } }, 100, 100, 1, BOX);
    // Flipped, the first pixel is at the right; turned clockwise, it is at the bottom right.
    expect(toBox(matrix, 0, 0)).toEqual({ x: 700, y: 600 });
  });
});

test("zooming keeps the point under the pointer", () => {
  const random = numbers(3);
  for (let round = 0; round < 100; round++) {
    const from: Placement = { pose: { rotate: 90, flip: true }, zoom: 1 + (random.next().value as number), pan: { x: 15, y: 40 } };
    const pointer = { x: (random.next().value as number) * 800, y: (random.next().value as number) * 600 };
    const before = toPicture(matrixOf(from, 400, 300, 1.2, BOX), pointer);
    const after = toPicture(matrixOf(zoomedAt(from, 1.7, pointer, BOX), 400, 300, 1.2, BOX), pointer);
    expect(after.x).toBeCloseTo(before.x, 6);
    expect(after.y).toBeCloseTo(before.y, 6);
  }
});

test("a lens shows in its middle what it stands over, larger", () => {
  const random = numbers(7);
  const lens = { width: 220, height: 220 };
  for (let round = 0; round < 100; round++) {
    const [x, y, zoom] = [0, 0, 0].map(() => random.next().value as number) as [number, number, number];
    const pose: Pose = { rotate: ([0, 90, 180, 270] as const)[round % 4] as Pose["rotate"], flip: round % 3 === 0 };
    const placement: Placement = { pose, zoom: 1 + zoom, pan: { x: 15, y: -40 } };
    const at = { x: x * BOX.width, y: y * BOX.height };
    const whole = matrixOf(placement, 400, 300, 1.2, BOX);
    const inLens = matrixOf(magnified(placement, 2.5, at, squareSize(400, 300, 1.2), BOX, lens), 400, 300, 1.2, lens);
    const [under, shown] = [toPicture(whole, at), toPicture(inLens, { x: 110, y: 110 })];
    expect(shown.x).toBeCloseTo(under.x, 6);
    expect(shown.y).toBeCloseTo(under.y, 6);
    expect(Math.hypot(inLens.a, inLens.c)).toBeCloseTo(2.5 * Math.hypot(whole.a, whole.c), 9);
  }
});

test("a picture cannot be lost beside the box", () => {
  const kept = keptInSight({ pose: UPRIGHT, zoom: 1, pan: { x: 9999, y: -9999 } }, { width: 100, height: 100 }, BOX);
  expect(kept.pan).toEqual({ x: 660, y: -560 });
});

test("the scale bar is a round number of mm that fits, and honest about an unknown scale", () => {
  const matrix = matrixOf({ ...WHOLE, zoom: 2 }, 512, 512, 1, BOX);
  const mm = mmPerBoxPixel(0.5, matrix);
  expect(mm).toBeCloseTo(0.5 / ((600 / 512) * 2), 9);
  expect(scaleBar(mm, 200)).toEqual({ mm: 20, pixels: 20 / (mm as number) });
  expect(mmPerBoxPixel(null, matrix)).toBeNull();
  expect(scaleBar(null, 200)).toBeNull();
  expect(scaleBar(Infinity, 200)).toBeNull();
});

import { describe, expect, it } from "vitest";
import type { Point } from "../placement";
import { Draft } from "./drafting";
import { distance, polygonArea, type Scale } from "./geometry";
import { newUid, received, toSend } from "./model";
import { completed, handled, pathOf, simplified, thinned } from "./shapes";

const PIXELS: Scale = { height: 1, width: 1, isMm: false, status: "unknown" };
const MM: Scale = { height: 0.5, width: 0.25, isMm: true, status: "patient" };
const p = (x: number, y: number): Point => ({ x, y });

describe("shapes", () => {
  it("stand across their long axis in the patient, not in pixels", () => {
    const [a, b, c, d] = completed("bidirectional", [p(0, 0), p(40, 20)], MM) as [Point, Point, Point, Point];
    const along = { x: (b.x - a.x) * 0.25, y: (b.y - a.y) * 0.5 };
    const across = { x: (d.x - c.x) * 0.25, y: (d.y - c.y) * 0.5 };
    expect(along.x * across.x + along.y * across.y).toBeCloseTo(0);
    expect(distance(c, d, MM)).toBeCloseTo(distance(a, b, MM) / 2);
  });

  it("keep their axes square while an end is moved", () => {
    const points = completed("bidirectional", [p(0, 0), p(40, 20)], MM);
    for (const index of [0, 1, 2, 3]) {
      const [a, b, c, d] = handled({ kind: "bidirectional", points }, index, p(13, 31), MM) as [Point, Point, Point, Point];
      const dot = (b.x - a.x) * (d.x - c.x) * 0.0625 + (b.y - a.y) * (d.y - c.y) * 0.25;
      expect(dot).toBeCloseTo(0);
    }
  });

  it("keep the opposite corner of a rectangle", () => {
    const points = completed("rectangle", [p(0, 0), p(10, 6)], MM);
    expect(handled({ kind: "rectangle", points }, 2, p(20, 8), MM)).toEqual([p(0, 0), p(20, 0), p(20, 8), p(0, 8)]);
    expect(handled({ kind: "rectangle", points }, 1, p(20, -2), MM)).toEqual([p(0, -2), p(20, -2), p(20, 6), p(0, 6)]);
  });

  it("keep the opposite end of an ellipse's axis, and its middle", () => {
    const points = completed("ellipse", [p(0, 0), p(20, 10)], MM);
    expect(points).toEqual([p(0, 5), p(20, 5), p(10, 0), p(10, 10)]);
    expect(handled({ kind: "ellipse", points }, 1, p(30, 99), MM)).toEqual([p(0, 5), p(30, 5), p(15, 0), p(15, 10)]);
  });

  it("are drawn through all of their points", () => {
    expect(pathOf({ kind: "cobb", points: [p(0, 0), p(1, 1), p(2, 2), p(3, 3)] }, (point) => point)).toBe("M0.0 0.0L1.0 1.0M2.0 2.0L3.0 3.0");
    expect(pathOf({ kind: "ellipse", points: completed("ellipse", [p(0, 0), p(20, 10)], MM) }, (point) => point)).toMatch(/^M0.0 5.0C.*10.0 0.0.*Z$/);
  });

  it("lose no more than the tolerance when thinned", () => {
    const circle = Array.from({ length: 400 }, (_, i) => p(50 + 30 * Math.cos(i / 63.66), 50 + 30 * Math.sin(i / 63.66)));
    const thin = simplified(circle, 0.3);
    expect(thin.length).toBeLessThan(60);
    for (const point of circle) {
      const nearest = Math.min(...thin.map((other, i) => fromSegment(point, other, thin[i + 1] ?? other)));
      expect(nearest).toBeLessThanOrEqual(0.31);
    }
  });

  it("drawn by hand keep their area when thinned, whatever they look like and however small they are", () => {
    for (let seed = 1; seed <= 40; seed++) {
      const wave = (angle: number) => 1 + 0.3 * Math.sin(2 * angle + seed) + 0.2 * Math.sin(5 * angle + seed * seed);
      const size = 4 + (seed % 8) * 40;
      const count = 40 + seed * 90;
      const around = Array.from({ length: count }, (_, i) => {
        const angle = (2 * Math.PI * i) / count;
        return p(500 + size * wave(angle) * Math.cos(angle), 500 + size * wave(angle) * Math.sin(angle));
      });
      const thin = thinned(around, 0.25);
      expect(Math.abs(polygonArea(thin, PIXELS) / polygonArea(around, PIXELS) - 1), `seed ${seed}`).toBeLessThanOrEqual(0.001);
      expect(thin.length).toBeLessThanOrEqual(Math.min(count, 2000));
    }
  });

  it("are never too many points to be kept", () => {
    const jagged = Array.from({ length: 3000 }, (_, i) => p(500 + (300 + 9 * (i % 2)) * Math.cos(i / 477), 500 + (300 + 9 * (i % 2)) * Math.sin(i / 477)));
    expect(thinned(jagged, 0.25).length).toBeLessThanOrEqual(2000);
  });

  it("keep the tip of a line that was drawn back over itself", () => {
    expect(simplified([p(0, 0), p(40, 0), p(10, 0)], 0.3)).toEqual([p(0, 0), p(40, 0), p(10, 0)]);
  });
});

function fromSegment(point: Point, a: Point, b: Point): number {
  const size = (b.x - a.x) ** 2 + (b.y - a.y) ** 2;
  const t = size ? Math.min(1, Math.max(0, ((point.x - a.x) * (b.x - a.x) + (point.y - a.y) * (b.y - a.y)) / size)) : 0;
  return Math.hypot(point.x - a.x - (b.x - a.x) * t, point.y - a.y - (b.y - a.y) * t);
}

describe("drawing by hand", () => {
  const drag = (draft: Draft, from: Point, to: Point): boolean => {
    draft.down(from, from);
    draft.move(to);
    return draft.up(to, to);
  };
  const click = (draft: Draft, at: Point): boolean => {
    draft.move(at);
    draft.down(at, at);
    return draft.up(at, at);
  };

  it("takes a line by one drag or two clicks", () => {
    const dragged = new Draft("length", false);
    expect(drag(dragged, p(0, 0), p(30, 0))).toBe(true);
    const clicked = new Draft("length", false);
    expect(click(clicked, p(0, 0))).toBe(false);
    expect(click(clicked, p(30, 0))).toBe(true);
    expect(clicked.points).toEqual(dragged.points);
  });

  it("takes an angle by a drag and a click, the free arm following the mouse", () => {
    const draft = new Draft("angle", false);
    expect(drag(draft, p(0, 0), p(30, 0))).toBe(false);
    draft.move(p(30, 20));
    expect(draft.shown).toEqual([p(0, 0), p(30, 0), p(30, 20)]);
    expect(click(draft, p(30, 30))).toBe(true);
    expect(draft.points).toEqual([p(0, 0), p(30, 0), p(30, 30)]);
  });

  it("takes two lines by two drags, with nothing following in between", () => {
    const draft = new Draft("cobb", true);
    expect(drag(draft, p(0, 0), p(30, 0))).toBe(false);
    expect(draft.shown).toHaveLength(2);
    expect(drag(draft, p(0, 20), p(30, 30))).toBe(true);
    expect(draft.points).toEqual([p(0, 0), p(30, 0), p(0, 20), p(30, 30)]);
  });
});

describe("what is sent", () => {
  it("comes back as it went", () => {
    const one = received({ uid: newUid(), kind: "length", image: { instance: "1.2", frame: 2 }, points: [[1.5, 2.25], [3, 4]], name: "Nốt" }, "1.9");
    expect(received(toSend(one), "1.9")).toEqual(one);
  });

  it("has UIDs that the standard allows", () => {
    expect(newUid(new Uint32Array([0, 0, 0, 1]))).toBe("2.25.1");
    expect(newUid(new Uint32Array(4).fill(0xffffffff))).toBe("2.25.340282366920938463463374607431768211455");
    expect(newUid()).toMatch(/^2\.25\.(0|[1-9]\d*)$/);
  });
});

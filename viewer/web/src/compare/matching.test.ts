import { describe, expect, it } from "vitest";
import { follow, matching, score, startAt, type Likeness } from "./matching";

function series(uid: string, more: Partial<Likeness> = {}): Likeness {
  return { uid, modality: "CT", number: 1, description: "", body_part: "CHEST", laterality: "", frames: 300, plane: "axial", slice_thickness: 1, frame_of_reference: "1", ...more };
}

const current = series("now", { description: "Ngực nhu mô 1mm" });

describe("the series that goes with another", () => {
  it("is of the same kind, part and plane", () => {
    const others = [series("mr", { modality: "MR" }), series("coronal", { plane: "coronal" }), series("head", { body_part: "HEAD" }), series("right")];
    expect(matching(current, others)?.uid).toBe("right");
    expect(matching(current, others.slice(0, 3))).toBeNull();
  });

  it("is the one with the most words in common, however they are written", () => {
    const others = [series("trungthat", { description: "Ngực trung thất" }), series("nhumo", { description: "NGUC NHU MO" })];
    expect(matching(current, others)?.uid).toBe("nhumo");
  });

  it("is rather as thin and as long than not", () => {
    const others = [series("thick", { slice_thickness: 5, frames: 60 }), series("thin", { frames: 310 })];
    expect(matching(current, others)?.uid).toBe("thin");
  });

  it("may be a radiograph of another kind of device, but not of the other side", () => {
    const hand = series("hand", { modality: "DX", plane: "", body_part: "HAND", laterality: "L", frames: 1 });
    expect(score(hand, { ...hand, uid: "old", modality: "CR" })).toBeGreaterThan(0);
    expect(score(hand, { ...hand, uid: "other", laterality: "R" })).toBe(0);
  });

  it("may hold the part within a larger one, or say none", () => {
    expect(score(current, series("more", { body_part: "CHESTABDPELVIS" }))).toBeGreaterThan(0);
    expect(score(current, series("unsaid", { body_part: "" }))).toBeGreaterThan(0);
    expect(score(current, series("same"))).toBeGreaterThan(score(current, series("unsaid", { body_part: "" })));
  });
});

describe("stacks side by side", () => {
  it("keep their distance whatever their spacing", () => {
    const anchor = { leader: 100, follower: 40 };
    const heights = [0, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50];
    expect(follow(anchor, 100, heights)).toBe(8);
    expect(follow(anchor, 92, heights)).toBe(6);
    expect(follow(anchor, 500, heights)).toBe(10);
    expect(follow(anchor, 100, [null, null])).toBe(-1);
  });

  it("begin at the same height where both lie about the same place", () => {
    const ours = [0, 5, 10, 15, 20];
    expect(startAt(ours, 2, [20, 10, 0])).toBe(1);
    // A longer stack that holds the shorter one, and one that is counted from the head.
    expect(startAt(ours, 1, [-50, -25, 0, 6, 12, 18, 24])).toBe(3);
    expect(startAt(ours, 0, [-50, -25, 0, 6, 12, 18, 24])).toBe(2);
  });

  it("begin at the same share of the height where they lie elsewhere", () => {
    expect(startAt([0, 10, 20, 30, 40], 1, [500, 520, 540, 560, 580])).toBe(1);
    expect(startAt([0, 10, 20, 30, 40], 1, [580, 560, 540, 520, 500])).toBe(3);
    expect(startAt([0], 0, [500, 520, 540])).toBe(1);
  });

  it("say so where heights are unknown", () => {
    expect(startAt([null, null], 0, [0, 10])).toBe(-1);
    expect(startAt([0, 10], 0, [null])).toBe(-1);
    expect(startAt([0, 10], 5, [0, 10])).toBe(-1);
  });
});

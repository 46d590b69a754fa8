import { describe, expect, it } from "vitest";
import { newsOf } from "./news";

const images = (uid: string, frames: number) => ({ uid, frames });

describe("what happened to a study", () => {
  const before = [images("ct", 5), images("sr", 0)];

  it("is nothing while its images are the same", () => {
    expect(newsOf(before, before)).toBe("same");
    expect(newsOf(before, [images("sr", 0), images("ct", 5)])).toBe("same");
  });

  it("is nothing where documents came or went", () => {
    expect(newsOf(before, [images("ct", 5)])).toBe("same");
    expect(newsOf(before, [...before, images("ko", 0)])).toBe("same");
  });

  it("is more where a series grew or came", () => {
    expect(newsOf(before, [images("ct", 6), images("sr", 0)])).toBe("more");
    expect(newsOf(before, [...before, images("mr", 1)])).toBe("more");
  });

  it("is fewer where a series shrank or went, whatever came", () => {
    expect(newsOf(before, [images("ct", 4), images("mr", 9)])).toBe("fewer");
    expect(newsOf(before, [images("mr", 9)])).toBe("fewer");
  });
});

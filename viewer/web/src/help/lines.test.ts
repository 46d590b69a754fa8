import { describe, expect, it } from "vitest";
import { groups } from "./lines";

const titles = (byTouch: boolean) => groups(byTouch).map((one) => one.title);

describe("help", () => {
  it("begins with fingers where there is no mouse, and with keys where there is one", () => {
    expect(titles(true)[0]).toBe("Fingers");
    expect(titles(false)[0]).toBe("Images and series");
  });

  it("says the same to both", () => {
    expect(titles(true).toSorted()).toEqual(titles(false).toSorted());
  });
});

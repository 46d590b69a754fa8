import { afterEach, describe, expect, it, vi } from "vitest";
import { BrowserShelf } from "./shelf";

const MARK = "filmless.kept-for";

/** A browser whose database opens a little later, and tells whether anybody came to it. */
function browser() {
  const kept = new Map<string, string>();
  const transaction = vi.fn(() => {
    throw new Error("nobody is to come here");
  });
  vi.stubGlobal("localStorage", {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => kept.set(key, value),
    removeItem: (key: string) => kept.delete(key),
  });
  vi.stubGlobal("navigator", {});
  vi.stubGlobal("indexedDB", {
    deleteDatabase: () => undefined,
    open: () => {
      const request = { result: { transaction }, onsuccess: () => undefined };
      setTimeout(() => request.onsuccess());
      return request;
    },
  });
  return { kept, transaction };
}

afterEach(() => vi.unstubAllGlobals());

describe("the browser's shelf", () => {
  it("is not written once another person has come, also while it was being opened", async () => {
    const { kept, transaction } = browser();
    const shelf = new BrowserShelf("one", 1 << 30);
    const put = shelf.put("1.2", "8/0", []);
    kept.set(MARK, "another");
    expect(await put).toBe(false);
    expect(transaction).not.toHaveBeenCalled();
  });

  it("is come to while it is the same person's", async () => {
    const { transaction } = browser();
    expect(await new BrowserShelf("one", 1 << 30).put("1.2", "8/0", [])).toBe(false);
    expect(transaction).toHaveBeenCalled();
  });
});

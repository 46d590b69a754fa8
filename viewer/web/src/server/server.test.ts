import { afterEach, describe, expect, it, vi } from "vitest";
import { ask } from ".";

const answered = (body: BodyInit | ReadableStream, status = 200) =>
  vi.stubGlobal("fetch", () => Promise.resolve(new Response(body, { status })));

describe("asking once", () => {
  afterEach(() => vi.unstubAllGlobals());

  it("does not say that it tries again", async () => {
    vi.stubGlobal("fetch", () => Promise.reject(new TypeError("Failed to fetch")));
    await expect(ask("/x")).rejects.toMatchObject({ message: "No connection to the server.", kind: "network" });
    answered("", 503);
    await expect(ask("/x")).rejects.toMatchObject({ message: "No connection to the server.", kind: "network" });
  });

  it("has words for an answer that breaks off", async () => {
    answered(new ReadableStream({ start: (told) => told.error(new TypeError("network error")) }));
    await expect(ask("/x")).rejects.toMatchObject({ message: "No connection to the server.", kind: "network" });
  });

  it("leaves other words and good answers as they are", async () => {
    answered("{}", 401);
    await expect(ask("/x")).rejects.toMatchObject({ kind: "signed-out" });
    answered('{"a": 1}');
    await expect(ask("/x")).resolves.toEqual({ a: 1 });
  });
});

/** The house itself: a feature may need others, but none may need itself by a roundabout way, not even for a type. */

import { readdirSync, readFileSync } from "node:fs";
import { join, normalize, sep } from "node:path";
import { expect, test } from "vitest";

type Needs = Map<string, Set<string>>;

const SOURCES = import.meta.dirname;
const IMPORTED = /\bfrom\s+"(\.[^"]+)"|\bimport\(\s*"(\.[^"]+)"|^\s*import\s+"(\.[^"]+)"/gm;

/** Which folders each folder imports from. */
function needsOf(files: [string, string][]): Needs {
  const needs: Needs = new Map();
  for (const [path, text] of files) {
    const own = path.split(sep)[0] as string;
    for (const [, ...found] of text.matchAll(IMPORTED)) {
      const other = normalize(join(path, "..", found.find(Boolean) as string)).split(sep)[0] as string;
      if (other !== own) needs.set(own, (needs.get(own) ?? new Set()).add(other));
    }
  }
  return needs;
}

/** The first circle there is, as the way round; empty where there is none. */
function circle(needs: Needs): string[] {
  const finished = new Set<string>();
  const walk = (at: string, way: string[]): string[] => {
    if (way.includes(at)) return [...way.slice(way.indexOf(at)), at];
    if (finished.has(at)) return [];
    for (const next of needs.get(at) ?? []) {
      const found = walk(next, [...way, at]);
      if (found.length) return found;
    }
    finished.add(at);
    return [];
  };
  for (const start of needs.keys()) {
    const found = walk(start, []);
    if (found.length) return found;
  }
  return [];
}

/** The features: folders, with what stands in them; tests may look anywhere. */
function sources(): [string, string][] {
  return readdirSync(SOURCES, { recursive: true, encoding: "utf8" })
    .filter((path) => path.includes(sep) && /\.(ts|svelte)$/.test(path) && !path.includes(".test."))
    .map((path) => [path, readFileSync(join(SOURCES, path), "utf8")]);
}

test("no feature needs itself through others", () => {
  const needs = needsOf(sources());
  expect([...(needs.get("app") ?? [])]).toContain("room");
  expect(circle(needs)).toEqual([]);
});

test("a circle is found, whatever it is made of", () => {
  const files: [string, string][] = [
    [join("a", "index.ts"), 'import type { B } from "../b";'],
    [join("b", "View.svelte"), '  import {\n    c,\n  } from "../c";'],
    [join("c", "deep", "index.ts"), 'const a = await import("../../a");'],
  ];
  expect(circle(needsOf(files))).toEqual(["a", "b", "c", "a"]);
  expect(circle(needsOf(files.slice(0, 2)))).toEqual([]);
});

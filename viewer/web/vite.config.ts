/** Builds the reading room into `viewer/static/reading`, with the list of its texts and compressed copies of its files. */

import { svelte } from "@sveltejs/vite-plugin-svelte";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { defineConfig, type Plugin } from "vite";

const OUT = "../static/reading";
const MARKED = /\bt\(\s*"((?:[^"\\]|\\.)*)"\s*[,)]/g;
const COMPRESSIBLE = /\.(js|css|svg|wasm|json)$/;
/** Brotli's strongest setting takes ten times as long for a few per cent. */
const BROTLI_QUALITY = 9;

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

/** The texts marked with t("...") in our sources, for the server to translate. */
function words(): Plugin {
  return {
    name: "filmless-words",
    apply: "build",
    writeBundle() {
      const found = new Set<string>();
      for (const file of filesBelow("src").filter((name) => /\.(ts|svelte)$/.test(name) && !name.includes(".test."))) {
        for (const match of readFileSync(file, "utf8").matchAll(MARKED)) found.add((match[1] ?? "").replaceAll('\\"', '"'));
      }
      writeFileSync(join(OUT, "words.json"), JSON.stringify([...found].sort()));
    },
  };
}

function compressed(): Plugin {
  return {
    name: "filmless-compressed",
    apply: "build",
    closeBundle() {
      for (const file of filesBelow(OUT).filter((name) => COMPRESSIBLE.test(name))) {
        const bytes = readFileSync(file);
        if (bytes.length < 1024) continue;
        writeFileSync(`${file}.gz`, gzipSync(bytes, { level: 9 }));
        writeFileSync(`${file}.br`, brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY } }));
      }
    },
  };
}

export default defineConfig({
  plugins: [svelte(), words(), compressed()],
  base: "/assets/reading/",
  build: {
    target: "es2022",
    outDir: OUT,
    emptyOutDir: true,
    manifest: "manifest.json",
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 4000,
    rollupOptions: { input: "src/main.ts" },
  },
  worker: { format: "es" },
  test: { include: ["src/**/*.test.ts"], environment: "node" },
} as Parameters<typeof defineConfig>[0]);

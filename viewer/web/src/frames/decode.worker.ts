/** Unpacks JPEG-LS frames to little-endian samples, away from the thread that draws. */

import charLsFactory from "@cornerstonejs/codec-charls/decodewasmjs";
import wasm from "@cornerstonejs/codec-charls/decodewasm?url";
import { samplesOf } from "./samples";

export interface Job {
  id: number;
  packed: ArrayBuffer;
  /** Bytes of a sample as the facts have it. */
  bytes: 1 | 2;
}

export interface Done {
  id: number;
  samples?: ArrayBuffer;
  problem?: string;
  /** The decoder itself cannot run here. */
  isBroken?: boolean;
}

const codec = charLsFactory({ locateFile: (name: string) => (name.endsWith(".wasm") ? wasm : name) });
const isReady = codec.then(
  () => true,
  () => false,
);

self.onmessage = async ({ data }: MessageEvent<Job>) => {
  if (!(await isReady)) {
    self.postMessage({ id: data.id, isBroken: true } satisfies Done);
    return;
  }
  try {
    const samples = await unpacked(data);
    self.postMessage({ id: data.id, samples } satisfies Done, { transfer: [samples] });
  } catch (error) {
    self.postMessage({ id: data.id, problem: String(error) } satisfies Done);
  }
};

async function unpacked({ packed, bytes }: Job): Promise<ArrayBuffer> {
  const { JpegLSDecoder } = await codec;
  const decoder = new JpegLSDecoder();
  try {
    decoder.getEncodedBuffer(packed.byteLength).set(new Uint8Array(packed));
    decoder.decode();
    const { bitsPerSample } = decoder.getFrameInfo();
    return samplesOf(decoder.getDecodedBuffer(), bitsPerSample > 8 ? 2 : 1, bytes);
  } finally {
    decoder.delete();
  }
}

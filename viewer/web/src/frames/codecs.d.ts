declare module "@cornerstonejs/codec-charls/decodewasmjs" {
  interface JpegLSDecoder {
    /** The decoder's memory for so many packed bytes. */
    getEncodedBuffer(length: number): Uint8Array;
    decode(): void;
    getDecodedBuffer(): Uint8Array;
    getFrameInfo(): { width: number; height: number; bitsPerSample: number; componentCount: number };
    delete(): void;
  }
  const factory: (options: { locateFile: (name: string) => string }) => Promise<{ JpegLSDecoder: new () => JpegLSDecoder }>;
  export default factory;
}
declare module "@cornerstonejs/codec-charls/decodewasm?url" {
  const address: string;
  export default address;
}

declare module "@cornerstonejs/codec-openjph/wasmjs" {
  interface HTJ2KDecoder {
    /** The decoder's memory for so many packed bytes. */
    getEncodedBuffer(length: number): Uint8Array;
    decode(): void;
    getDecodedBuffer(): Uint8Array;
    getFrameInfo(): { width: number; height: number; bitsPerSample: number; componentCount: number; isSigned: boolean };
    delete(): void;
  }
  const factory: (options: { locateFile: (name: string) => string }) => Promise<{ HTJ2KDecoder: new () => HTJ2KDecoder }>;
  export default factory;
}
declare module "@cornerstonejs/codec-openjph/wasm?url" {
  const address: string;
  export default address;
}

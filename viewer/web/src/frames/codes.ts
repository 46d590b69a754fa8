/** What the payload of a frame is: a transfer syntax as the server numbers it, or one of our own codes. */

export const RAW = 1;
export const RGB8 = 0xf001;
export const FLOAT32 = 0xf002;
export const JPEG_LS = 80;

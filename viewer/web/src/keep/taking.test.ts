import { expect, test } from "vitest";
import type { ColourMap } from "../palettes";
import type { Room } from "../room";
import { printAddress } from "./taking";

const facts: Record<string, { sop: string }[]> = { "1.2": [{ sop: "1.2.1" }, { sop: "1.2.2" }], "1.3": [{ sop: "1.3.1" }] };
const room = (maps: Record<string, ColourMap>) =>
  ({
    page: { study: "1", series: [{ uid: "1.2" }, { uid: "1.3" }] },
    library: { get: (uid: string) => ({ facts: facts[uid] }) },
    maps,
    mapOf(this: { maps: Record<string, ColourMap> }, uid: string) {
      return this.maps[uid] ?? null;
    },
  }) as unknown as Room;

test("paper has the window that an image was marked in, and the colours of its series", () => {
  const images = [{ instance: "1.2.2", frame: 1 }, { instance: "1.3.1", frame: 4 }];
  const windowOf = (image: { instance: string }) => (image.instance === "1.2.2" ? { center: 40, width: 400, function: "LINEAR" as const } : undefined);
  expect(printAddress(room({}), images, windowOf)).toBe("/study/1/print?images=1.2.2:1:40:400,1.3.1:4");
  expect(printAddress(room({ "1.2": "hot", "1.3": "poles" }), images, windowOf)).toBe("/study/1/print?images=1.2.2:1:40:400:hot,1.3.1:4:poles");
  expect(printAddress(room({ "1.3": "hot" }), [], () => undefined)).toBe("/study/1/print");
});

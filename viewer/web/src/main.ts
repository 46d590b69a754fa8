/** The reading room's first script: lets the picture that the server made reach the screen, then begins the app. */

import "./style.css";

/** When the picture is not there by then, the app waits no longer. */
const WAIT_MS = 1000;

const firstLight = document.querySelector<HTMLImageElement>("#first-light");
if (firstLight) await Promise.race([shown(firstLight), pause(WAIT_MS)]);
try {
  const { begin } = await import("./begin");
  begin();
} catch (error) {
  // The words are in the page already, and come by themselves where this script does not.
  document.querySelector(".not-begun")?.classList.add("now");
  throw error;
}

/** Resolves when the screen's frame with the picture in it is under way; also when there will be none. */
async function shown(image: HTMLImageElement): Promise<void> {
  await image.decode().catch(() => undefined);
  await new Promise(requestAnimationFrame);
  await pause(0);
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((done) => setTimeout(done, milliseconds));
}

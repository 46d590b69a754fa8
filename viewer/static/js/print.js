// @ts-check
// The page of chosen images: its one button.

document.getElementById("print")?.addEventListener("click", () => window.print());

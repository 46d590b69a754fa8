/** Asks now and then, while somebody looks, what became of the study since it was opened. */

import type { PageData } from "../page";
import { newsOf, type Held, type News } from "./news";

const EVERY_MS = 20_000;

export class Watch {
  news = $state<News>("same");
  private next = 0;

  constructor(private readonly page: Pick<PageData, "study" | "series">) {
    // A page that comes back to sight asks at once.
    document.addEventListener("visibilitychange", () => void this.look());
    this.later();
  }

  private async look(): Promise<void> {
    clearTimeout(this.next);
    if (document.hidden) return;
    const { study, series } = this.page;
    this.news = (await latest(study, series)) ?? this.news;
    this.later();
  }

  private later(): void {
    clearTimeout(this.next);
    this.next = window.setTimeout(() => void this.look(), EVERY_MS);
  }
}

/** null where nothing can be known: no network, no session. Others tell of that when something is wanted. */
async function latest(study: string, before: readonly Held[]): Promise<News | null> {
  try {
    // Who only has a page open does not keep a session from going idle.
    const answer = await fetch(`/study/${study}/series`, { headers: { Accept: "application/json", "X-Watching": "1" } });
    if (answer.status === 404) return "gone";
    if (!answer.ok) return null;
    const told = (await answer.json()) as { series: Held[] };
    return newsOf(before, told.series);
  } catch (error) {
    // The network's failures, and an answer that broke off.
    if (error instanceof TypeError || error instanceof SyntaxError || error instanceof DOMException) return null;
    throw error;
  }
}

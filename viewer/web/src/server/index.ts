/** Asking the server for JSON and sending it some; failures are words (`RequestError`). */

import { request, RequestError } from "../frames";
import { t } from "../words";

export async function ask<T>(address: string): Promise<T> {
  return (await (await request(address)).json()) as T;
}

/** Send `body`; the page's token shows that one of our pages asks. Rejects with words to show. */
export async function send<T>(address: string, body: unknown, token: string): Promise<T> {
  const headers = { Accept: "application/json", "Content-Type": "application/json", "X-CSRF-Token": token };
  const answer = await fetch(address, { method: "POST", headers, body: JSON.stringify(body) }).catch(() => {
    throw new RequestError(t("No connection to the server. Nothing was saved."), "network");
  });
  if (answer.ok) return (await answer.json()) as T;
  if (answer.status === 401) throw new RequestError(t("Your session has ended. Sign in again in another tab, then save again."), "signed-out");
  if (answer.status === 409) throw new RequestError(t("These were changed elsewhere meanwhile. Reload the page to see the newest."), "refused");
  const told = (await answer.json().catch(() => ({}))) as { error?: string; detail?: string };
  throw new RequestError([told.error, told.detail].filter(Boolean).join(" ") || t("The request failed ({status}).", { status: answer.status }), "refused");
}

/** Words for whatever went wrong. */
export function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Asking the server for JSON and sending it some; failures are words (`RequestError`). */

import { request, RequestError } from "../frames";
import { t } from "../words";

/** Asks once: unlike the stream of images nothing here is tried again by itself, and the words do not say so. */
export async function ask<T>(address: string): Promise<T> {
  try {
    return (await (await request(address)).json()) as T;
  } catch (error) {
    // An answer that breaks off is a TypeError with the browser's own words.
    const isNetwork = error instanceof TypeError || (error instanceof RequestError && error.kind === "network");
    throw isNetwork ? new RequestError(t("No connection to the server."), "network") : error;
  }
}

/** Another version was saved since: both have to be looked at. */
export class Stale extends RequestError {}

/** Who reads here, and the token that shows that one of our pages asks. */
export interface Signed {
  token: string;
  reader: string;
}

/** Of a session that began after the page was opened. */
let renewed: Signed | null = null;

/** Send `body`. Rejects with words to show; also after another sign-in in another tab, what is here can be saved. */
export async function send<T>(address: string, body: unknown, signed: Signed): Promise<T> {
  const used = renewed ?? signed;
  let answer = await post(address, body, used.token);
  if (answer.status === 403) {
    renewed = await ask<Signed>("/reading/session");
    if (renewed.reader !== signed.reader) {
      renewed = null;
      throw new RequestError(t("Somebody else has signed in meanwhile. Nothing was saved."), "refused");
    }
    if (renewed.token !== used.token) answer = await post(address, body, renewed.token);
  }
  if (answer.ok) return (await answer.json()) as T;
  if (answer.status === 401) throw new RequestError(t("Your session has ended. Sign in again in another tab, then save again."), "signed-out");
  if (answer.status === 409) throw new Stale(t("These were changed elsewhere meanwhile. Both are here now: look at them, then save again."), "refused");
  const told = (await answer.json().catch(() => ({}))) as { error?: string; detail?: string };
  throw new RequestError([told.error, told.detail].filter(Boolean).join(" ") || t("The request failed ({status}).", { status: answer.status }), "refused");
}

function post(address: string, body: unknown, token: string): Promise<Response> {
  const headers = { Accept: "application/json", "Content-Type": "application/json", "X-CSRF-Token": token };
  return fetch(address, { method: "POST", headers, body: JSON.stringify(body) }).catch(() => {
    throw new RequestError(t("No connection to the server. Nothing was saved."), "network");
  });
}

/** Words for whatever went wrong. */
export function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Requests that may fail: what went wrong in words, and whether trying again makes sense. */

import { t } from "../words";

export class RequestError extends Error {
  constructor(
    message: string,
    readonly kind: "signed-out" | "refused" | "network",
  ) {
    super(message);
  }
}

/** Fetch; a `RequestError` for anything but success. Aborting rejects with the browser's own AbortError. */
export async function request(address: string, signal?: AbortSignal, accept = "application/json"): Promise<Response> {
  let answer: Response;
  try {
    answer = await fetch(address, { headers: { Accept: accept }, ...(signal ? { signal } : {}) });
  } catch (error) {
    if (isAbort(error)) throw error;
    throw new RequestError(t("No connection to the server. Trying again…"), "network");
  }
  if (answer.ok) return answer;
  if (answer.status === 401) throw new RequestError(t("Your session has ended. Sign in again to go on."), "signed-out");
  if (answer.status >= 502 && answer.status <= 504) throw new RequestError(t("The server is busy. Trying again…"), "network");
  throw new RequestError(await wordsOf(answer), "refused");
}

export function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}

async function wordsOf(answer: Response): Promise<string> {
  const fallback = t("The request failed ({status}).", { status: answer.status });
  if (!answer.headers.get("Content-Type")?.includes("json")) return fallback;
  const told = (await answer.json()) as { error?: string; detail?: string };
  return [told.error, told.detail].filter(Boolean).join(" ") || fallback;
}

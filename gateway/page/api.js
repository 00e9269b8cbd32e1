const KEY = "recstack-key";

/** What the gateway refused, in its words. */
export class RefusedError extends Error {
  /** @param {number} status Of the answer; 0 without any. */
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** Keeps a key in this tab, for every request from now on. */
export function useKey(key) {
  sessionStorage.setItem(KEY, key);
}

/**
 * Asks the gateway. Who and what is asked for goes into the body, as addresses end up in logs.
 *
 * @param {string} path Without the leading slash, so that the page may stand in a folder of some proxy.
 * @param {Object} [body] To be posted; without one it is a GET.
 * @param {Object} [options] Of `fetch`.
 */
export async function ask(path, body, options = {}) {
  const headers = {};
  const key = sessionStorage.getItem(KEY);
  if (key) headers.authorization = `Bearer ${key}`;
  if (body) headers["content-type"] = "application/json";
  let response;
  try {
    response = await fetch(path, {
      method: body ? "POST" : "GET",
      headers,
      body: body && JSON.stringify(body),
      ...options,
    });
  } catch {
    throw new RefusedError(0, "the gateway does not answer");
  }
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new RefusedError(response.status, answer.error ?? `status ${response.status}`);
  return answer;
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Requests to the server. The API key is kept in the session of this tab only.

const STORED = "v2meter.api_key";
const TIMEOUT_MS = 10000;

export function apiKey() {
  return sessionStorage.getItem(STORED);
}

export function setApiKey(key) {
  if (key === null) sessionStorage.removeItem(STORED);
  else sessionStorage.setItem(STORED, key);
}

// status: of HTTP; 0 if there was no answer.
export class RequestError extends Error {
  constructor(status, code, detail) {
    super(detail || code || `HTTP ${status}`);
    this.status = status;
    this.code = code;
    this.detail = detail;
  }
}

// Resolves with the answer's JSON; rejects with a RequestError. path is relative to the page: a proxy may serve it
// below a path of its own. fresh: not from the server's window of cached answers.
export async function ask(path, {method = "GET", fresh = false, key = apiKey()} = {}) {
  const headers = {"X-API-Key": key ?? ""};
  if (fresh) headers["Cache-Control"] = "no-cache";
  let response;
  let answer = null;
  try {
    response = await fetch(path, {method, headers, credentials: "same-origin", redirect: "error",
                                  signal: AbortSignal.timeout(TIMEOUT_MS)});
    answer = await response.json();
  } catch {
    if (!response) throw new RequestError(0, "no_answer", "");
  }
  if (!response.ok || answer === null || typeof answer !== "object")
    throw new RequestError(response.ok ? 0 : response.status, answer?.code ?? "no_json", answer?.detail ?? "");
  return answer;
}

export function keyPath(id, rest) {
  return `api/keys/${encodeURIComponent(id)}/${rest}`;
}

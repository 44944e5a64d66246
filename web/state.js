// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Whether the server answers, since when it does not, and when to ask again. Pure: the caller gives the time.

export const POLL_MS = 2000;
const RETRY_MAX_MS = 15000;

export class Contact {
  constructor() {
    this.offlineSince = null; // Unix milliseconds of the first failure, or null
    this.failures = 0;
    this.problem = null; // what went wrong last: {status, code, detail}; status 0 is no answer at all
  }

  succeeded() {
    const recovered = this.failures > 0;
    this.offlineSince = null;
    this.failures = 0;
    this.problem = null;
    return recovered;
  }

  failed(problem, now) {
    this.offlineSince ??= now;
    this.failures++;
    this.problem = problem;
  }

  // Milliseconds until the next request.
  delay() {
    if (!this.failures) return POLL_MS;
    return Math.min(POLL_MS * 1.5 ** (this.failures - 1), RETRY_MAX_MS);
  }
}

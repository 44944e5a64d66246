// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The sentences that tell why the meter is not healthy. Pure.

// status: of GET /api/meter/status. One sentence for each reason; a server may tell all of them, or the worst only. Its
// own sentence is in English and knows more; a reason that has no text here is told by that alone.
export function healthSentences(status, texts) {
  const reasons = status?.reasons ?? (status?.reason ? [{reason: status.reason, detail: status.detail}] : []);
  return reasons.map(({reason, detail}) => {
    const own = texts.has(`reason_${reason}`) ? texts.get(`reason_${reason}`) : null;
    if (own && detail) return `${own} (${detail})`;
    return own ?? detail ?? reason;
  });
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Rates in each direction, from the totals of the last answers of GET /api/traffic/live. Pure.

// A rate covers at least this time, if there are answers that old: a download that comes in bursts does not jump.
const WINDOW_S = 8;
const FRAMES_MAX = 12;

export class Live {
  constructor() {
    this.frames = [];
  }

  // data: the answer's "data". The server's clock is monotonic: if it goes back, the machine has started anew.
  add(data) {
    const column = Object.fromEntries(data.columns.map((name, index) => [name, index]));
    const subjects = new Map();
    for (const row of data.rows) {
      subjects.set(row[column.subject], {
        rx: row[column.rx_bytes], tx: row[column.tx_bytes], connections: row[column.connections],
        rate: row[column.traffic_rate]});
    }
    const last = this.frames.at(-1);
    if (last && data.clock_s < last.clock) this.frames = [];
    if (last && data.clock_s === last.clock) this.frames.pop();
    this.frames.push({clock: data.clock_s, subjects});
    const newest = data.clock_s;
    while (this.frames.length > FRAMES_MAX || (this.frames.length > 2 && newest - this.frames[1].clock >= WINDOW_S))
      this.frames.shift();
    return this.figures();
  }

  // A Map of subject to {rx, tx, connections, rate, rxRate, txRate}. A rate of one direction is null until two
  // answers have the subject.
  figures() {
    const now = this.frames.at(-1);
    const result = new Map();
    for (const [subject, figures] of now?.subjects ?? []) {
      const {rxRate, txRate} = this.#rates(subject, figures, now.clock);
      result.set(subject, {...figures, rxRate, txRate});
    }
    return result;
  }

  // From the oldest answer since the last reset: a reset makes the totals smaller.
  #rates(subject, figures, clock) {
    for (const frame of this.frames) {
      const then = frame.subjects.get(subject);
      if (!then || frame.clock >= clock || then.rx > figures.rx || then.tx > figures.tx) continue;
      const seconds = clock - frame.clock;
      return {rxRate: (figures.rx - then.rx) / seconds, txRate: (figures.tx - then.tx) / seconds};
    }
    return {rxRate: null, txRate: null};
  }
}

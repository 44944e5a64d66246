// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
import assert from "node:assert/strict";
import {test} from "node:test";

import {dayBars, hourBars, hourPoints, monthBars} from "../../../web/plot.js";

const hour = (start, utc_offset_s, rx_bytes, tx_bytes) => ({start, utc_offset_s, rx_bytes, tx_bytes});

test("the last hour is the last 360 steps", () => {
  const rx = Array.from({length: 400}, (_, index) => index);
  const points = hourPoints({start: 1000, step_s: 10, rx, tx: rx.map((value) => value * 2)});
  assert.deepEqual([points.length, points[0], points.at(-1)], [360, {at: 1400, rx: 40, tx: 80}, {at: 4990, rx: 399, tx: 798}]);
  assert.deepEqual(hourPoints({start: 5, step_s: 10, rx: [], tx: []}), []);
});

test("48 hours end with this one, and those without traffic are zeros", () => {
  const now = Date.UTC(2026, 10, 28, 7, 20) / 1000;
  const seven = Date.UTC(2026, 10, 28, 7) / 1000;
  const bars = hourBars([hour(seven - 7200, 0, 1, 2), hour(seven, 0, 3, 4)], now);
  assert.equal(bars.length, 48);
  assert.deepEqual(bars.slice(-3).map(({rx, tx}) => [rx, tx]), [[1, 2], [0, 0], [3, 4]]);
  assert.equal(bars.at(-1).at, seven);
});

test("hours begin where the server's zone has them, also half an hour off", () => {
  const offset = 19800;
  const start = Date.UTC(2026, 10, 28, 6, 30) / 1000;
  const bars = hourBars([hour(start, offset, 5, 6)], start + 1000);
  assert.deepEqual([bars.at(-1).rx, new Date(bars.at(-1).at * 1000).toISOString()], [5, "2026-11-28T12:00:00.000Z"]);
});

test("days and months of the server's calendar", () => {
  const days = {"2026-02-28": {rx_bytes: 1, tx_bytes: 2}, "2026-03-01": {rx_bytes: 10, tx_bytes: 20}, "2025-04-30": {rx_bytes: 5, tx_bytes: 5},
                "2025-03-31": {rx_bytes: 99, tx_bytes: 99}};
  const bars = dayBars(days, "2026-03-01");
  assert.deepEqual([bars.length, bars.at(-1).tx, bars.at(-2).tx, bars[0].tx], [31, 20, 2, 0]);
  const months = monthBars(days, "2026-03-01");
  assert.deepEqual(months.map(({rx}) => rx), [5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 10]);
});

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
import assert from "node:assert/strict";
import {test} from "node:test";

import {Live} from "../../../web/live.js";
import {areaPath, Sparks, STEPS} from "../../../web/sparks.js";
import {Contact, POLL_MS} from "../../../web/state.js";

const answer = (clock_s, ...rows) => ({clock_s, columns: ["subject", "rx_bytes", "tx_bytes", "connections", "traffic_rate"], rows});

test("a rate is what was added, by the server's clock", () => {
  const live = new Live();
  assert.equal(live.add(answer(100, ["a", 10, 1000, 2, 5])).get("a").txRate, null);
  const now = live.add(answer(102, ["a", 30, 5000, 2, 5])).get("a");
  assert.deepEqual([now.rxRate, now.txRate, now.tx, now.connections, now.rate], [10, 2000, 5000, 2, 5]);
});

test("a rate covers the last eight to ten seconds", () => {
  const live = new Live();
  let figures;
  for (let second = 0; second <= 60; second += 2) figures = live.add(answer(second, ["a", 0, second < 50 ? 0 : (second - 48) * 100, 0, 0]));
  assert.equal(figures.get("a").txRate, 100);
});

test("a reset never makes a negative rate", () => {
  const live = new Live();
  live.add(answer(0, ["a", 0, 9000, 0, 0]));
  live.add(answer(2, ["a", 0, 10000, 0, 0]));
  assert.equal(live.add(answer(4, ["a", 0, 100, 0, 0])).get("a").txRate, null);
  assert.equal(live.add(answer(6, ["a", 0, 500, 0, 0])).get("a").txRate, 200);
});

test("an answer that comes twice, a new key and a restarted machine", () => {
  const live = new Live();
  live.add(answer(10, ["a", 0, 0, 0, 0]));
  live.add(answer(12, ["a", 0, 200, 0, 0]));
  assert.equal(live.add(answer(12, ["a", 0, 200, 0, 0], ["b", 1, 1, 0, 0])).get("a").txRate, 100);
  assert.equal(live.figures().get("b").txRate, null);
  assert.equal(live.add(answer(3, ["a", 0, 300, 0, 0])).get("a").txRate, null);
  assert.deepEqual([...live.add(answer(5)).keys()], []);
});

test("a spark moves on by steps, and its past fills what is not known", () => {
  const sparks = new Sparks();
  sparks.add("a", 1000, 5);
  sparks.add("a", 1011, 7);
  assert.ok(sparks.lacks("a"));
  sparks.past("a", 970, [1, 2, 3, 4, 99], 1011);
  assert.ok(!sparks.lacks("a"));
  assert.deepEqual([...sparks.values("a")].slice(-5), [1, 2, 3, 5, 7]);
  sparks.add("a", 1000 + STEPS * 10 * 3, 9);
  assert.deepEqual([...sparks.values("a")].filter((value) => !Number.isNaN(value)), [9]);
  sparks.add("idle", 1000, 0);
  assert.equal(sparks.values("idle"), null);
  sparks.keep(new Set());
  assert.equal(sparks.values("a"), null);
});

test("the area below a spark has gaps where nothing is known", () => {
  assert.equal(areaPath([0, 0, 0], 100, 10), "");
  assert.equal(areaPath([5], 100, 10), "");
  assert.equal(areaPath([NaN, 0, 10], 100, 10), "M50.0 10L50.0 10.0L100.0 1.0L100.0 10Z");
  assert.equal(areaPath([10, 5, NaN, 5, 5], 100, 11).match(/M/g).length, 2);
  assert.equal(areaPath([10, NaN, 5], 100, 11), "", "single values");
});

test("the page asks less and less often while the server does not answer", () => {
  const contact = new Contact();
  assert.equal(contact.delay(), POLL_MS);
  const delays = Array.from({length: 9}, (_, index) => {
    contact.failed({status: 0}, 1000 + index);
    return contact.delay();
  });
  assert.deepEqual(delays.map(Math.round), [2000, 3000, 4500, 6750, 10125, 15000, 15000, 15000, 15000]);
  assert.equal(contact.offlineSince, 1000);
  assert.equal(contact.succeeded(), true);
  assert.deepEqual([contact.offlineSince, contact.delay(), contact.succeeded()], [null, POLL_MS, false]);
});

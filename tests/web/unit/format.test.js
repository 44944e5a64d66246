// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
import assert from "node:assert/strict";
import {test} from "node:test";

import {Format} from "../../../web/format.js";

const english = new Format("en");

test("a size has three digits where there are as many", () => {
  const sizes = [[0, "0 B"], [1, "1 B"], [1023, "1,023 B"], [1024, "1.00 KB"], [10239, "10.0 KB"], [102400, "100 KB"], [33323549, "31.8 MB"],
                 [1610612736, "1.50 GB"], [2 ** 40, "1.00 TB"], [2 ** 50, "1.00 PB"], [2 ** 63, "8.00 EB"]];
  for (const [bytes, text] of sizes) assert.equal(english.size(bytes), text);
});

test("no size shows 1,024 of a unit, whatever its rounding", () => {
  for (let power = 1; power < 6; power++) {
    const limit = 1024 ** (power + 1);
    for (const bytes of [limit - 1, limit - limit / 3000, limit]) assert.doesNotMatch(english.size(bytes), /1,024/);
  }
});

test("a figure that is not known is a dash, not a zero", () => {
  assert.equal(english.size(null), "–");
  assert.equal(english.rate(NaN), "–");
  assert.equal(english.rate(0), "0 B/s");
});

test("a language has its own units and separators", () => {
  const russian = new Format("ru", ["Б", "КБ", "МБ", "ГБ", "ТБ", "ПБ", "ЭБ"], "/с");
  assert.equal(russian.rate(1610612736), "1,50 ГБ/с");
});

test("durations", () => {
  assert.deepEqual([0, 59.9, 65, 3600, 100000].map((seconds) => english.duration(seconds)), ["0:00", "0:59", "1:05", "1:00:00", "27:46:40"]);
});

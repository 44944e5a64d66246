// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The rates of the last ten minutes of many keys, in the steps of GET .../traffic/rates. Pure.

export const STEP_S = 10;
export const STEPS = 60;

export class Sparks {
  constructor() {
    this.keys = new Map();
  }

  #of(subject) {
    if (!this.keys.has(subject)) this.keys.set(subject, {values: new Float64Array(STEPS).fill(NaN), step: 0, told: false});
    return this.keys.get(subject);
  }

  #advance(spark, step) {
    const moved = step - spark.step;
    if (spark.step && moved > 0) {
      spark.values.copyWithin(0, Math.min(moved, STEPS));
      spark.values.fill(NaN, Math.max(STEPS - moved, 0));
    }
    if (!spark.step || moved > 0) spark.step = step;
  }

  // A rate of this moment: a step shows the last one that it got. Unknown rates are left out. An idle key takes nothing.
  add(subject, seconds, rate) {
    if (!rate && !this.keys.has(subject)) return;
    const spark = this.#of(subject);
    this.#advance(spark, Math.floor(seconds / STEP_S));
    if (Number.isFinite(rate)) spark.values[STEPS - 1] = rate;
  }

  // Whether past() has not been called for this key.
  lacks(subject) {
    return !this.keys.get(subject)?.told;
  }

  // The server's rate history: values[i] is the mean of the step that begins at start + i * STEP_S.
  past(subject, start, values, now) {
    const spark = this.#of(subject);
    this.#advance(spark, Math.floor(now / STEP_S));
    spark.told = true;
    const first = Math.round(start / STEP_S);
    values.forEach((value, index) => {
      const at = STEPS - 1 - (spark.step - (first + index));
      if (at >= 0 && at < STEPS && Number.isNaN(spark.values[at])) spark.values[at] = value;
    });
  }

  values(subject) {
    return this.keys.get(subject)?.values ?? null;
  }

  keep(subjects) {
    for (const subject of this.keys.keys()) if (!subjects.has(subject)) this.keys.delete(subject);
  }
}

// The path of an area below the values, in a box of that size. "": nothing to draw. Unknown values are gaps, and a single
// known one between them is not drawn: it would be a bar.
export function areaPath(values, width, height) {
  let most = 0;
  for (const value of values ?? []) if (value > most) most = value;
  if (!most || values.length < 2) return "";
  const x = (index) => (index * width / (values.length - 1)).toFixed(1);
  const y = (value) => (height - Math.max(value / most * (height - 1), 0)).toFixed(1);
  let path = "";
  let first = 0;
  for (let index = 0; index <= values.length; index++) {
    if (index < values.length && !Number.isNaN(values[index])) continue;
    if (index - first >= 2) {
      path += `M${x(first)} ${height}`;
      for (let each = first; each < index; each++) path += `L${x(each)} ${y(values[each])}`;
      path += `L${x(index - 1)} ${height}Z`;
    }
    first = index + 1;
  }
  return path;
}

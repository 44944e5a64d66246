// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Runs the steps of a test in order, and has the program that started us change the world in between.

import {createInterface} from "node:readline";

const lines = createInterface({input: process.stdin})[Symbol.asyncIterator]();
const steps = [];

export function step(name, work) {
  steps.push({name, work});
}

// Prints the order, and resolves with the JSON that comes back when it is done.
export async function order(what) {
  console.log(JSON.stringify({order: what}));
  return JSON.parse((await lines.next()).value);
}

// A figure that the test measured, for its report.
export function report(name, value) {
  console.log(JSON.stringify({figure: name, value}));
}

export async function runSteps() {
  for (const {name, work} of steps) {
    const start = performance.now();
    let problem = null;
    try {
      await work();
    } catch (error) {
      problem = error.stack ?? String(error);
    }
    console.log(JSON.stringify({step: name, problem, seconds: (performance.now() - start) / 1000}));
  }
}

export async function until(condition, what, timeout = 8000) {
  const end = Date.now() + timeout;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > end) throw new Error(`${what}: not within ${timeout} ms`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

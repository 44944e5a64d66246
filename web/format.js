// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Numbers, sizes and times for a person. Sizes have base 1024, as in the API. Pure.

const STEPS = ["B", "KB", "MB", "GB", "TB", "PB", "EB"];

// units: the names of STEPS in the language, in the same order.
export class Format {
  constructor(locale, units = STEPS, perSecond = "/s") {
    this.locale = locale;
    this.units = units;
    this.perSecond = perSecond;
    this.decimals = [0, 1, 2].map((digits) => new Intl.NumberFormat(locale, {
      minimumFractionDigits: digits, maximumFractionDigits: digits}));
    this.times = new Map();
  }

  number(value) {
    return this.decimals[0].format(value);
  }

  // Three digits where there are as many: 1.21 MB, 12.1 MB, 121 MB.
  size(bytes) {
    if (!Number.isFinite(bytes)) return "–";
    let value = Math.max(bytes, 0);
    let step = 0;
    // 1023.5 KB would round to 1024 KB.
    while (value >= (step ? 1023.5 : 1024) && step < STEPS.length - 1) {
      value /= 1024;
      step++;
    }
    const digits = step === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
    return `${this.decimals[digits].format(value)} ${this.units[step]}`;
  }

  rate(bytesPerSecond) {
    return Number.isFinite(bytesPerSecond) ? this.size(Math.round(bytesPerSecond)) + this.perSecond : "–";
  }

  // seconds: Unix time. options: those of Intl.DateTimeFormat.
  time(seconds, options) {
    const name = JSON.stringify(options);
    if (!this.times.has(name)) this.times.set(name, new Intl.DateTimeFormat(this.locale, {hourCycle: "h23", ...options}));
    return this.times.get(name).format(seconds * 1000);
  }

  clock(seconds) {
    return this.time(seconds, {hour: "2-digit", minute: "2-digit", second: "2-digit"});
  }

  // "1:02:03", or "4:05" below an hour: the same in every language.
  duration(seconds) {
    const whole = Math.max(Math.floor(seconds), 0);
    const two = (value) => String(value).padStart(2, "0");
    const hours = Math.floor(whole / 3600);
    const rest = `${hours ? two(Math.floor(whole / 60) % 60) : Math.floor(whole / 60)}:${two(whole % 60)}`;
    return hours ? `${hours}:${rest}` : rest;
  }
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// One table of texts for each language (lang-*.js), and the choice between them. Pure.
//
// To add a language: copy lang-en.js, translate it, and add it to LANGUAGES and web/CMakeLists.txt.

import en from "./lang-en.js";
import ru from "./lang-ru.js";

export const LANGUAGES = {en, ru};

// chosen: what the person chose by hand, or null. wanted: the browser's list, most wanted first.
export function chooseLanguage(chosen, wanted, languages = LANGUAGES) {
  for (const tag of [chosen, ...(wanted ?? [])]) {
    const name = String(tag ?? "").toLowerCase().split("-")[0];
    if (Object.hasOwn(languages, name)) return name;
  }
  return "en";
}

export class Texts {
  constructor(name, languages = LANGUAGES) {
    this.name = name;
    this.table = languages[name];
    this.plurals = new Intl.PluralRules(name);
    this.numbers = new Intl.NumberFormat(name);
  }

  has(key) {
    return Object.hasOwn(this.table.texts, key);
  }

  // "{name}" in the text becomes values.name. A text with several forms is chosen by values.n.
  get(key, values = {}) {
    let text = this.table.texts[key];
    if (text === undefined) return key;
    if (typeof text === "object") text = text[this.plurals.select(values.n)] ?? text.other;
    return text.replace(/\{(\w+)\}/g, (whole, name) => {
      const value = values[name];
      if (value === undefined) return whole;
      return typeof value === "number" ? this.numbers.format(value) : String(value);
    });
  }
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
import assert from "node:assert/strict";
import {readdirSync, readFileSync} from "node:fs";
import {test} from "node:test";
import {fileURLToPath} from "node:url";

import en from "../../../web/lang-en.js";
import ru from "../../../web/lang-ru.js";
import {healthSentences} from "../../../web/health.js";
import {chooseLanguage, LANGUAGES, Texts} from "../../../web/language.js";

const WEB = fileURLToPath(new URL("../../../web/", import.meta.url));
const forms = (text) => (typeof text === "string" ? [text] : Object.values(text));
const holes = (text) => [...new Set(forms(text).flatMap((form) => form.match(/\{\w+\}/g) ?? []))].sort();

test("every language has the same texts, with the same values in them", () => {
  for (const table of Object.values(LANGUAGES)) {
    assert.deepEqual(Object.keys(table.texts).sort(), Object.keys(en.texts).sort(), table.name);
    for (const [key, text] of Object.entries(table.texts)) {
      assert.deepEqual(holes(text), holes(en.texts[key]), `${table.name}: ${key}`);
      for (const form of forms(text)) assert.ok(form.trim(), `${table.name}: ${key} is empty`);
    }
    assert.equal(table.units.length, en.units.length);
    assert.match(table.direction, /^(ltr|rtl)$/);
  }
});

test("every form of a plural is there", () => {
  for (const [name, table] of Object.entries(LANGUAGES)) {
    const wanted = new Intl.PluralRules(name).resolvedOptions().pluralCategories.sort();
    for (const [key, text] of Object.entries(table.texts))
      if (typeof text === "object") assert.deepEqual(Object.keys(text).sort(), wanted, `${name}: ${key}`);
  }
});

test("the page asks for no text that is not there, and has none that it never asks for", () => {
  const source = readdirSync(WEB).filter((file) => /\.(js|html)$/.test(file) && !file.startsWith("lang-"))
    .map((file) => readFileSync(WEB + file, "utf8")).join("\n");
  const asked = [...source.matchAll(/texts\.get\("(\w+)"|data-(?:text|label)="(\w+)"/g)].map((match) => match[1] ?? match[2]);
  for (const key of asked) assert.ok(Object.hasOwn(en.texts, key), `there is no text ${key}`);
  assert.ok(asked.length > 40);
  for (const key of Object.keys(en.texts))
    assert.ok(source.includes(`"${key}"`) || /^(reason|unit|mode|theme|chart|range)_/.test(key) || /^(healthy|offline|degraded)$/.test(key),
              `nobody asks for ${key}`);
});

test("every reason of health has a sentence, the server's own if there is no other", () => {
  const texts = new Texts("en");
  const told = (...reasons) => healthSentences({reasons: reasons.map(([reason, detail]) => ({reason, detail}))}, texts);
  assert.deepEqual(told(["no_device", "no network device matches"], ["brand_new", "the moon is full"], ["unknown", null]),
                   ["No network device is counted. (no network device matches)", "the moon is full", "unknown"]);
  assert.deepEqual(healthSentences({reason: "no_device", detail: null}, texts), ["No network device is counted."]);
  assert.deepEqual([healthSentences({reason: null}, texts), healthSentences(null, texts)], [[], []]);
});

test("the language is the chosen one, else the first of the browser's that there is, else English", () => {
  assert.equal(chooseLanguage("ru", ["en-GB"]), "ru");
  assert.equal(chooseLanguage(null, ["fr-FR", "ru-RU", "en"]), "ru");
  assert.equal(chooseLanguage("xx", ["fr"]), "en");
  assert.equal(chooseLanguage(null, undefined), "en");
  assert.equal(chooseLanguage("constructor", ["__proto__"]), "en");
});

test("values and plurals", () => {
  const russian = new Texts("ru");
  assert.deepEqual([1, 3, 5, 21].map((n) => russian.get("all_shown", {n})), ["1 ключ", "3 ключа", "5 ключей", "21 ключ"]);
  assert.equal(new Texts("en").get("shown", {n: 1234, all: 5000}), "1,234 of 5,000 keys");
  assert.equal(new Texts("en").get("port_row", {port: "20000–50000"}), "Port 20000–50000");
  assert.equal(new Texts("en").get("no such text"), "no such text");
  assert.equal(ru.direction, "ltr");
});

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
import assert from "node:assert/strict";
import {test} from "node:test";

import {tableForCsv, toCsv} from "../../../web/csv.js";
import {filterRows, flattenRows, makeRows, portsText, sortRows, sumRows} from "../../../web/rows.js";

const key = (id, name, port, more = {}) => ({id, name, uuid: `uuid-${id}`, is_active: true, port, ...more});
const figure = (rx, tx, more = {}) => ({rx, tx, connections: 0, rate: 0, rxRate: 0, txRate: 0, ...more});

const input = {
  keys: [key("1", "anna", 10001), key("2", "bert", 443), key("3", "carl", 443, {is_active: false}), key("4", "dora", null),
         key("5", "Emil", 20000, {ports: [443, "20000-50000"]})],
  figures: new Map([["1", figure(10, 90, {connections: 3, rate: 50, txRate: 40, rxRate: 10})], ["port:443", figure(1, 2)], ["5", figure(7, 0)]]),
  lifetimes: new Map([["1", 500], ["port:443", 3]]),
  shared: {"port:443": ["2", "3"]},
  notCounted: ["4"],
};
const rows = () => makeRows(input);
const names = (list) => flattenRows(list).map((row) => row.name);

test("a row for each key, and one for a shared port with its users below it", () => {
  const made = rows();
  assert.deepEqual(names(made), ["anna", "dora", "Emil", "443", "bert", "carl"]);
  const port = made.at(-1);
  assert.deepEqual([port.kind, port.total, port.users[0].kind, port.users[0].total, port.users[1].inactive], ["port", 3, "user", null, true]);
  assert.deepEqual([made[0].total, made[0].lifetime, made[1].total, made[1].notCounted, made[1].ports], [100, 500, null, true, ""]);
});

test("a key that shares several ports stands below each, and counts once", () => {
  const made = makeRows({...input, shared: {"port:443": ["2", "3"], "port:8443": ["2"]}});
  const all = flattenRows(made);
  assert.equal(new Set(all.map((row) => row.subject)).size, all.length);
  assert.deepEqual(names(made).slice(3), ["443", "bert", "carl", "8443", "bert"]);
  assert.equal(sumRows(made).keys, 5);
});

test("several ports and ranges", () => {
  assert.equal(portsText(input.keys[4]), "443, 20000–50000");
  assert.equal(portsText(input.keys[0]), "10001");
});

test("figures of users, once the server has them, are in their rows and counted once", () => {
  const made = makeRows({...input, figures: new Map([...input.figures, ["2", figure(1, 1)]])});
  assert.equal(made.at(-1).users[0].total, 2);
  assert.deepEqual([sumRows(made).rx, sumRows(made).tx, sumRows(made).keys, sumRows(made).busy], [18, 92, 5, 1]);
});

test("the filter finds names, ids, uuids and ports, and keeps a port with the users that fit", () => {
  assert.deepEqual(names(filterRows(rows(), "ANN")), ["anna"]);
  assert.deepEqual(names(filterRows(rows(), "uuid-5")), ["Emil"]);
  assert.deepEqual(names(filterRows(rows(), "carl")), ["443", "carl"]);
  assert.deepEqual(names(filterRows(rows(), "443")), ["Emil", "443", "bert", "carl"]);
  assert.deepEqual(names(filterRows(rows(), "10001 an")), ["anna"]);
  assert.deepEqual(names(filterRows(rows(), "nobody")), []);
  assert.deepEqual(names(filterRows(rows(), "", true)), ["anna"]);
});

test("rows without a figure come last in both directions", () => {
  assert.deepEqual(names(sortRows(rows(), "total", true)), ["anna", "Emil", "443", "bert", "carl", "dora"]);
  assert.deepEqual(names(sortRows(rows(), "total", false)), ["443", "bert", "carl", "Emil", "anna", "dora"]);
  assert.deepEqual(names(sortRows(rows(), "name", false)), ["443", "bert", "carl", "anna", "dora", "Emil"]);
  assert.deepEqual(names(sortRows(rows(), "name", true)), ["Emil", "dora", "anna", "443", "carl", "bert"]);
});

test("CSV is quoted, and no cell is a formula", () => {
  const odd = makeRows({...input, keys: [key("=1+1", 'a "b", c', 1)], shared: {}, notCounted: []});
  const [head, line] = toCsv(tableForCsv(odd)).split("\r\n");
  assert.equal(head.split(",").length, 11);
  assert.ok(line.startsWith(`'=1+1,"a ""b"", c",1,`), line);
  assert.equal(toCsv(tableForCsv(rows())).split("\r\n").length, 1 + 6 + 1);
  assert.match(toCsv(tableForCsv(rows())), /^1,anna,10001,,40,10,90,10,100,500,3$/m);
});

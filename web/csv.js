// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What is shown as comma-separated values (RFC 4180). Pure.

import {flattenRows} from "./rows.js";

// A spreadsheet would run a text that begins like a formula.
function cell(value) {
  if (value === null || value === undefined) return "";
  if (typeof value === "number") return String(value);
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export function toCsv(rows) {
  return rows.map((row) => row.map(cell).join(",") + "\r\n").join("");
}

const round = (value) => (value === null ? null : Math.round(value));

// Rows of rows.js. Bytes are whole numbers, rates bytes a second. The names of the columns are the same in every
// language.
export function tableForCsv(rows) {
  return [["key_id", "name", "ports", "shares_port", "download_rate", "upload_rate", "download_bytes", "upload_bytes",
           "total_bytes", "lifetime_bytes", "connections"],
          ...flattenRows(rows).map((row) => [row.id ?? "", row.kind === "port" ? `port ${row.name}` : row.name, row.ports,
            row.kind === "user" ? "yes" : "", round(row.txRate), round(row.rxRate), row.tx, row.rx, row.total,
            row.lifetime, row.connections])];
}

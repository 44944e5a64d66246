// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Debian's chromium, driven by playwright-core, which scripts/setup --tests puts into build/web-tests.

import {createRequire} from "node:module";
import {fileURLToPath} from "node:url";

const require = createRequire(fileURLToPath(new URL("../../build/web-tests/", import.meta.url)));

export const AXE = require.resolve("axe-core/axe.min.js");

export async function openBrowser() {
  const {chromium} = require("playwright-core");
  // As root, chromium runs only without its sandbox. It shows our own page, in a namespace without the internet.
  return chromium.launch({executablePath: process.env.V2M_CHROMIUM ?? "/usr/bin/chromium", headless: true,
                          args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--force-color-profile=srgb"]});
}

// Answers the page's requests from a sample (sample.js). The page itself still comes from its server.
export async function answerFrom(page, sample, {step = 0} = {}) {
  await page.route("**/api/**", (route) => {
    const path = new URL(route.request().url()).pathname.slice(1);
    if (path === "api/traffic/live") sample.advance(step || 2);
    const answer = sample.answer(path);
    return answer ? route.fulfill({json: answer}) : route.fulfill({status: 404, json: {detail: "Not found", code: "not_found"}});
  });
}

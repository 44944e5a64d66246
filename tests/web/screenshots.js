// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Takes the pictures of the page for the documents. Started by scripts/screenshots: screenshots.js PORT DIRECTORY. The
// keys are made up (sample.js); the page comes from a real server.

import {answerFrom, openBrowser} from "./browser.js";
import {Sample} from "./sample.js";
import {until} from "./steps.js";

const [port, directory] = process.argv.slice(2);
// A fixed moment, so that a picture changes only if the page does.
const NOW = Date.UTC(2026, 10, 27, 19, 42) / 1000;
const browser = await openBrowser();

async function picture(name, {hash = "", theme = "light", viewport, count = 46, act}) {
  const context = await browser.newContext({viewport, locale: "en-GB", timezoneId: "UTC", colorScheme: theme});
  const page = await context.newPage();
  await page.clock.install({time: NOW * 1000});
  await page.addInitScript(() => sessionStorage.setItem("v2meter.api_key", "any"));
  await answerFrom(page, new Sample({count, now: NOW}));
  await page.goto(`http://127.0.0.1:${port}/ui${hash}`);
  await until(() => page.locator("table.keys, .detail").count(), "the page");
  // Twenty answers: the sum of all keys has a shape then.
  for (let i = 0; i < 40; i++) {
    await page.clock.runFor(1000);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await act?.(page);
  await page.screenshot({path: `${directory}/${name}.png`});
  await context.close();
}

await picture("page", {viewport: {width: 1200, height: 640}});
await picture("page-key", {viewport: {width: 1200, height: 780}, theme: "dark", hash: "#key=u1028", act: async (page) => {
  await page.waitForSelector(".plot canvas, .plot svg");
  const box = await page.locator("#plot .plot").boundingBox();
  await page.mouse.move(box.x + box.width * 0.62, box.y + box.height / 2);
}});
await picture("page-phone", {viewport: {width: 360, height: 640}});
await browser.close();
process.exit(0);

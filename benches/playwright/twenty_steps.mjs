// The twenty steps by playwright-core, in a Chromium of its own. Started once; each line read is one run, answered with
// its milliseconds. Arguments: Chromium's executable, a folder for the profile, the site's address, flags for Chromium.
import { chromium } from 'playwright-core';
import { createInterface } from 'node:readline';

const [executablePath, profile, site, ...args] = process.argv.slice(2);
const root = process.getuid?.() === 0;
const context = await chromium.launchPersistentContext(profile, {
  executablePath, args, headless: true, chromiumSandbox: !root, viewport: { width: 1280, height: 800 },
});
const page = context.pages()[0] ?? await context.newPage();

const steps = [
  () => page.goto(`${site}/login`),
  () => page.locator('#email').fill('jason@rehearsal.example'),
  () => page.locator('#password').fill('rehearsal'),
  () => page.locator('#sign-in').click(),
  () => page.locator('#signed-in').waitFor(),
  () => page.goto(`${site}/practice/obstacles`),
  () => page.locator('#size').selectOption('l'),
  () => page.goto(`${site}/jobs`),
  () => page.locator('#q').fill('pipeline'),
  () => page.locator('#search-button').click(),
  () => page.locator('#job-data-pipeline-audit').innerText(),
  () => page.locator('#job-data-pipeline-audit').click(),
  () => page.waitForFunction(title => document.title.includes(title), 'Data pipeline audit'),
  () => page.locator('#propose').click(),
  () => page.locator('#reference').fill('bench'),
  () => page.locator('#cover').fill('A written audit with findings by severity, and a check that runs every night.'),
  () => page.locator('#rate').fill('$2,400'),
  () => page.locator('#submit').click(),
  () => page.getByText('Proposal submitted').first().waitFor(),
  () => page.screenshot({ type: 'jpeg', quality: 75 }),
];

for await (const _ of createInterface({ input: process.stdin })) {
  const begun = performance.now();
  const took = [];
  for (const step of steps) {
    const before = performance.now();
    await step();
    took.push(performance.now() - before);
  }
  console.log(JSON.stringify({ ms: performance.now() - begun, steps: took }));
}
await context.close();

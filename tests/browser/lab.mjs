// Uses the lab as a person does, in Chromium. Arguments: a folder for screenshots, or -; then addresses of the page.
//
// WIRELAB_TEST_BROWSER names the folder whose node_modules has playwright-core and axe-core. WIRELAB_TEST_WIRELAB names the
// program. The page must show the figures that it prints.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

const require = createRequire(path.join(process.env.WIRELAB_TEST_BROWSER, 'package.json'));
const { chromium } = require('playwright-core');
const axe = fs.readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

const [pictures, ...addresses] = process.argv.slice(2);
const sizes = { desktop: { width: 1280, height: 900 }, phone: { width: 360, height: 760 } };
const problems = [];
// Long, because other programs may keep the machine busy.
const PATIENCE = 60000;

const wirelab = words => execFileSync(process.env.WIRELAB_TEST_WIRELAB, words, { encoding: 'utf8', maxBuffer: 64 << 20 });

const settled = (page, count = 1) => page.waitForFunction(count =>
  document.querySelectorAll('.config').length === count && !document.querySelector('.config.busy') &&
  document.querySelectorAll('.part table').length >= count, count, { timeout: PATIENCE });

// Waits until a change has begun to run and has run.
const ran = async (page, wanted) => {
  await page.waitForFunction(wanted => document.querySelector('.command code').textContent.includes(wanted), wanted, { timeout: PATIENCE });
  await settled(page);
};

async function downloaded(page, name) {
  const [download] = await Promise.all([page.waitForEvent('download', { timeout: PATIENCE }), page.getByRole('button', { name }).click()]);
  return fs.readFileSync(await download.path(), 'utf8');
}

// The words of the first table of a page or of Markdown.
const tableOf = page => page.locator('.part table').first().evaluate(table =>
  [...table.rows].map(row => [...row.cells].map(cell => cell.textContent.trim())));
const tableIn = markdown => {
  const lines = markdown.split('\n');
  const first = lines.findIndex(line => line.startsWith('|'));
  const rows = lines.slice(first, lines.findIndex((line, index) => index > first && !line.startsWith('|')));
  return rows.filter((_, index) => index !== 1).map(row => row.split('|').slice(1, -1).map(cell => cell.trim().replaceAll('`', '')));
};

async function check(page, note, step, base) {
  if (base) await page.screenshot({ path: `${base}-${step}.png`, fullPage: true });
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  if (wide > 1) note(`${step}: the page is ${wide} px too wide`);
  // Results fade in when a run ends. Contrast is judged after that.
  await page.evaluate(() => Promise.allSettled(document.getAnimations().map(animation => animation.finished)));
  await page.evaluate(axe);
  const found = await page.evaluate(() => axe.run(document, { resultTypes: ['violations'] }));
  for (const { id, nodes } of found.violations) note(`${step}: axe: ${id}: ${nodes.slice(0, 3).map(node => `${node.target.join(' ')} ${node.any[0]?.message ?? ''}`).join('; ')}`);
}

async function use(page, address, size, note, base) {
  const begun = Date.now();
  await page.goto(address);
  await settled(page);
  console.log(`${address.slice(0, 24)} ${size}: first figures after ${Date.now() - begun} ms`);
  await check(page, note, '1-open', base);

  // Three changes: a slider by the keyboard, a text field, a checkbox.
  if (size === 'phone') await page.locator('.settings summary').click();
  await page.getByRole('slider', { name: 'Loss each way' }).press('ArrowRight');
  await page.getByRole('slider', { name: 'Loss each way' }).press('ArrowRight');
  await ran(page, '--loss 2%');
  await page.getByRole('textbox', { name: 'Round trip' }).fill('70ms');
  await page.getByRole('textbox', { name: 'Round trip' }).press('Enter');
  await ran(page, '--rtt 70ms');
  await page.getByRole('checkbox', { name: 'quic-message' }).uncheck();
  await ran(page, '-t udp,arq-selective,quic-one,quic-datagram');
  await check(page, note, '2-changed', base);

  const command = (await page.locator('.command code').textContent()).split(' ').slice(1);
  const expected = JSON.parse(wirelab([...command, '-J', '-q']));
  const saved = await downloaded(page, 'Save JSON');
  const shown = JSON.parse(saved);
  for (const cell of shown.cells) delete cell.pictures;
  if (JSON.stringify(shown) !== JSON.stringify(expected)) note('the saved JSON is not what the command prints');
  const [table, markdown] = [await tableOf(page), tableIn(wirelab([...command, '--format', 'md', '-q']))];
  if (JSON.stringify(table) !== JSON.stringify(markdown)) note(`the table is not the command's: ${JSON.stringify(table[1])} ${JSON.stringify(markdown[1])}`);
  if (!(await downloaded(page, 'Save CSV')).startsWith('transport,')) note('the saved CSV has no header');
  if (!(await downloaded(page, 'Save report')).includes('<svg')) note('the saved report has no chart');

  // A ladder: on the desktop by a click on a dot, on the phone by the keyboard.
  const canvas = page.locator('.strip', { hasText: 'quic-one' }).locator('canvas');
  await canvas.scrollIntoViewIfNeeded();
  if (size === 'desktop') {
    const at = await canvas.evaluate(canvas => {
      const [red, green, blue] = getComputedStyle(document.documentElement).getPropertyValue('--p3').trim().match(/[\da-f]{2}/gi).map(part => parseInt(part, 16));
      const { data, width } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
      for (let place = 0; place < data.length; place += 4) {
        if (data[place] === red && data[place + 1] === green && data[place + 2] === blue) return { x: place / 4 % width / devicePixelRatio, y: Math.floor(place / 4 / width) / devicePixelRatio };
      }
      return null;
    });
    if (!at) note('no message waited for another flow'); else await canvas.click({ position: at });
  } else {
    await canvas.focus();
    await canvas.press('ArrowRight');
    await canvas.press('Enter');
  }
  await page.waitForSelector('.episode svg .packet', { timeout: PATIENCE });
  const packets = await page.locator('.ladder .packet').count();
  await page.getByRole('button', { name: 'Start', exact: true }).click();
  const visible = () => page.locator('.ladder .packet').evaluateAll(all => all.filter(packet => packet.style.display !== 'none').length);
  const before = await visible();
  for (let step = 0; step < 4; step += 1) await page.getByRole('button', { name: 'Step', exact: true }).click();
  if (!(await visible() > before && before < packets)) note(`the ladder does not step: ${before} of ${packets}, then ${await visible()}`);
  if (!/^\+/.test(await page.locator('.episode .info').textContent())) note('a step tells nothing');
  await page.getByRole('button', { name: 'Play' }).click();
  await page.waitForTimeout(300);
  const height = await page.locator('.ladder').evaluate(drawing => drawing.viewBox.baseVal.height);
  await page.getByRole('button', { name: 'Zoom in' }).click();
  if (await page.locator('.ladder').evaluate(drawing => drawing.viewBox.baseVal.height) <= height) note('the ladder does not zoom');
  await page.getByRole('slider', { name: 'Instant of the episode' }).press('End');
  await check(page, note, '3-ladder', base);

  // A link shows the same.
  const heading = await page.locator('.episode h3').textContent();
  const other = await page.context().newPage();
  await other.goto(page.url());
  await settled(other);
  await other.waitForSelector('.episode svg .packet', { timeout: PATIENCE });
  if (await other.locator('.episode h3').textContent() !== heading) note('a link opens another ladder');
  if (JSON.stringify(await tableOf(other)) !== JSON.stringify(table)) note('a link shows other figures');
  await other.close();

  // Two configurations.
  await page.getByRole('button', { name: 'Compare two' }).click();
  await settled(page, 2);
  const second = page.getByRole('region', { name: 'Configuration B' });
  if (size === 'phone') await second.locator('.settings summary').click();
  await second.getByRole('textbox', { name: 'Loss each way' }).fill('0%');
  await second.getByRole('textbox', { name: 'Loss each way' }).press('Enter');
  await page.waitForFunction(() => document.querySelectorAll('.command code')[1].textContent.includes('--loss 0%'), null, { timeout: PATIENCE });
  await settled(page, 2);
  await check(page, note, '4-two', base);

  // An invalid value gets a sentence.
  await second.getByRole('textbox', { name: 'Loss each way' }).fill('lots');
  await second.getByRole('textbox', { name: 'Loss each way' }).press('Enter');
  await second.locator('.error').waitFor({ timeout: PATIENCE });
  if (!/loss/.test(await second.locator('.error').textContent())) note(`the error is: ${await second.locator('.error').textContent()}`);

  // A lesson.
  await page.getByRole('button', { name: 'Lessons' }).click();
  await page.waitForSelector('.lessons button', { timeout: PATIENCE });
  await page.locator('.lessons button').nth(1).click();
  await check(page, note, '5-question', base);
  await page.locator('.answer').nth(1).click();
  await page.waitForSelector('.findings table', { timeout: PATIENCE });
  if (!/You (were|said)/.test(await page.locator('.findings').textContent())) note('the lesson does not judge the prediction');
  await check(page, note, '6-lesson', base);
}

// The memory of the page stays the same over many changes.
async function memory(page, address, note) {
  const changes = Number(process.env.WIRELAB_TEST_CHANGES ?? 0);
  if (!changes) return;
  const client = await page.context().newCDPSession(page);
  const used = async () => {
    await client.send('HeapProfiler.collectGarbage');
    return (await client.send('Runtime.getHeapUsage')).usedSize;
  };
  await page.goto(`${address}#a=hol+-t+udp,quic-one+-d+1s+--seeds+1`);
  await settled(page);
  const slider = page.getByRole('slider', { name: 'Loss each way' });
  let begin;
  for (let change = 0; change < changes; change += 1) {
    if (change === 50) begin = await used();
    await slider.press(change % 20 < 10 ? 'ArrowRight' : 'ArrowLeft');
    if (change % 5 === 4) { await page.waitForTimeout(80); await settled(page); }
  }
  const end = await used();
  console.log(`${changes} changes: ${(begin / 1e6).toFixed(1)} MB of JavaScript after 50, ${(end / 1e6).toFixed(1)} MB at the end`);
  if (end > begin * 1.5 + 2e6) note(`the page has grown from ${begin} to ${end} bytes`);
}

const browser = await chromium.launch({ executablePath: process.env.WIRELAB_TEST_CHROMIUM, args: ['--no-sandbox'] });
for (const [index, address] of addresses.entries()) {
  for (const [size, viewport] of Object.entries(sizes)) {
    const note = problem => { problems.push(`${address.slice(0, 24)} ${size}: ${problem}`); };
    const context = await browser.newContext({ viewport, hasTouch: size === 'phone', isMobile: size === 'phone', colorScheme: size === 'phone' ? 'dark' : 'light', acceptDownloads: true });
    const page = await context.newPage();
    const origin = address.startsWith('file:') ? 'file:' : new URL(address).origin;
    context.on('console', message => { if (['error', 'warning'].includes(message.type())) note(`console: ${message.text()}`); });
    context.on('weberror', error => note(`error: ${error.error().message}`));
    context.on('request', request => { if (![origin, 'data:', 'blob:'].some(own => request.url().startsWith(own))) note(`request: ${request.url()}`); });
    const base = pictures === '-' ? null : path.join(pictures, `lab${index}-${size}`);
    try {
      await use(page, address, size, note, base);
      if (size === 'desktop') await memory(page, address, note);
    } catch (error) {
      note(`stopped: ${error.message.split('\n').slice(0, 4).join(' ')}`);
      if (base) await page.screenshot({ path: `${base}-stopped.png`, fullPage: true });
    }
    await context.close();
  }
}
await browser.close();
problems.forEach(problem => console.log(problem));
console.log(`${addresses.length} pages, ${problems.length} problems`);
process.exit(problems.length ? 1 : 0);

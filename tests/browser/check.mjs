// Opens pages in Chromium and checks what a reader sees. Arguments: a folder for screenshots, or -; then HTML files.
import { pathToFileURL } from 'node:url';
import path from 'node:path';
import { checkAccess, end, launch, watch } from './shared.mjs';

const [pictures, ...files] = process.argv.slice(2);
// A page that is too large for every check is only opened once.
const isLarge = process.env.WIRELAB_TEST_LARGE !== undefined;
const sizes = { desktop: { width: 1280, height: 800 }, phone: { width: 390, height: 844 } };
const problems = [];

// Runs in the page and returns the faults of its charts.
function charts() {
  const wrong = [];
  for (const chart of document.querySelectorAll('svg.chart')) {
    const name = chart.closest('figure').id;
    const box = chart.getBoundingClientRect();
    if (box.width < 100 || box.height < 40) wrong.push(`${name}: is ${box.width} x ${box.height}`);
    const marks = [...chart.querySelectorAll('.mark, .part, .dot, .packet, .stroke')];
    const seen = marks.filter(mark => {
      const { width, height } = mark.getBoundingClientRect();
      return width + height > 0;
    });
    if (!seen.length) wrong.push(`${name}: has no marks`);
    for (const text of chart.querySelectorAll('text')) {
      const inner = text.getBoundingClientRect();
      const out = [box.left - inner.left, inner.right - box.right, box.top - inner.top, inner.bottom - box.bottom];
      if (Math.max(...out) > 1.5) wrong.push(`${name}: clips "${text.textContent}" by ${Math.max(...out).toFixed(1)}`);
    }
  }
  if (document.documentElement.scrollWidth > innerWidth + 1)
    wrong.push(`the page is ${document.documentElement.scrollWidth} wide in ${innerWidth}`);
  return wrong;
}

async function interact(page, note) {
  // A click on a title sorts the figures.
  const title = page.locator('thead th:nth-child(2) button').first();
  if (await title.count()) {
    await title.click();
    const values = await page
      .locator('table')
      .first()
      .evaluate(table =>
        [...table.tBodies[0].rows]
          .map(row => row.cells[1].dataset.sort)
          .filter(value => value !== undefined)
          .map(Number),
      );
    if (values.some((value, index) => index && value > values[index - 1])) note(`not sorted: ${values}`);
    if ((await page.locator('th[aria-sort=descending]').count()) !== 1) note('the sorted column is not named');
  }
  // A click on a key switches its line off and on.
  const key = page.locator('svg[data-chart=latency] .key').first();
  if (await key.count()) {
    const lines = page.locator('svg[data-chart=latency] .line:not(.off)');
    const before = await lines.count();
    await key.dispatchEvent('click');
    if ((await lines.count()) !== before - 1) note('a key does not switch its line off');
    await key.dispatchEvent('click');
    if ((await lines.count()) !== before) note('a key does not switch its line on again');
    // Hover shows the figures of a mark.
    const mark = page.locator('svg[data-chart=latency] .line .mark').first();
    await mark.scrollIntoViewIfNeeded();
    await mark.hover({ force: true });
    const tip = await page
      .locator('.tip:not(.off)')
      .textContent({ timeout: 2000 })
      .catch(() => '');
    if (!/p50|p99|take longer/.test(tip)) note(`hover shows "${tip}"`);
  }
  // A row links to its own timeline.
  const row = page.locator('tbody th a').last();
  if (await page.locator('figure[data-row]').count()) {
    const target = await row.evaluate(link => document.querySelector(link.getAttribute('href'))?.dataset.row);
    if (target !== (await row.textContent())) note(`a row leads to the picture of ${target}`);
  }
  // A cell leads to a chart.
  const cell = page.locator('tbody td a').first();
  if (await cell.count()) {
    const chart = await cell.evaluate(
      link => document.querySelector(link.getAttribute('href'))?.querySelector('svg.chart') != null,
    );
    if (!chart) note('a cell does not lead to a chart');
  } else if (await page.locator('svg.chart').count()) note('no cell leads to a chart');
  const dots = page.locator('svg[data-chart=time] .dots path').first();
  if (await dots.count()) {
    await dots.scrollIntoViewIfNeeded();
    const at = await dots.evaluate(path => {
      const [x, y] = path
        .getAttribute('d')
        .match(/M([-\d.]+) ([-\d.]+)/)
        .slice(1)
        .map(Number);
      const place = new DOMPoint(x, y).matrixTransform(path.getScreenCTM());
      return { x: place.x, y: place.y };
    });
    await page.mouse.move(at.x, at.y);
    const tip = await page
      .locator('.tip:not(.off)')
      .textContent({ timeout: 2000 })
      .catch(() => '');
    if (!/due at [\d.]+ s: /.test(tip)) note(`hover over a message shows "${tip}"`);
  }
  const ladder = page.locator('svg[data-chart=ladder]').first();
  if (await ladder.count()) {
    const before = await ladder.getAttribute('viewBox');
    await page.locator('.zoom button').first().click();
    if ((await ladder.getAttribute('viewBox')) === before) note('the ladder does not zoom');
    await page.locator('.zoom button').nth(2).click();
    if ((await ladder.getAttribute('viewBox')).split(' ').map(Number).join(' ') !== before)
      note('the ladder does not zoom out');
  }
}

// Opens a page and tells how long that takes, sorting included.
async function open(file) {
  const page = await browser.newPage({ viewport: sizes.desktop });
  page.on('pageerror', error => problems.push(`${path.basename(file)}: error: ${error.message}`));
  const begun = Date.now();
  await page.goto(pathToFileURL(file).href, { timeout: 120000 });
  const opened = Date.now() - begun;
  const rows = await page.locator('tbody tr').count();
  (await page.evaluate(charts)).forEach(problem => problems.push(`${path.basename(file)}: ${problem}`));
  const sorting = Date.now();
  await page.locator('thead th:nth-child(2) button').first().click();
  console.log(`${path.basename(file)}: ${rows} rows opened in ${opened} ms, sorted in ${Date.now() - sorting} ms`);
  await page.close();
}

const browser = await launch();
for (const file of files) {
  if (isLarge) {
    await open(file);
    continue;
  }
  for (const [size, viewport] of Object.entries(sizes)) {
    for (const colorScheme of ['light', 'dark']) {
      const note = problem => problems.push(`${path.basename(file)}, ${size}, ${colorScheme}: ${problem}`);
      const context = await browser.newContext({ viewport, colorScheme, hasTouch: size === 'phone' });
      watch(context, address => address === pathToFileURL(file).href, note);
      const page = await context.newPage();
      await page.goto(pathToFileURL(file).href);
      const base = path.join(pictures, `${path.basename(file, '.html')}-${size}-${colorScheme}`);
      if (pictures !== '-') await page.screenshot({ path: `${base}.png`, fullPage: true });
      (await page.evaluate(charts)).forEach(note);
      await interact(page, note);
      await checkAccess(page, note);
      await context.close();
    }
  }
  // The page is complete without scripts.
  const context = await browser.newContext({ javaScriptEnabled: false });
  const page = await context.newPage();
  await page.goto(pathToFileURL(file).href);
  if ((await page.locator('main').count()) !== 1) problems.push(`${path.basename(file)}: nothing without scripts`);
  await context.close();
}
await browser.close();
end(files.length, problems);

// Uses the lab as a person does, in Chromium. Arguments: a folder for screenshots, or -; then pages: an address, or the
// folder of an exported page, which is then served.
//
// WIRELAB_TEST_WIRELAB names the program. The page must show the figures that it prints.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { checkAccess, end, launch, watch } from './shared.mjs';

const [pictures, ...pages] = process.argv.slice(2);
const sizes = { desktop: { width: 1280, height: 900 }, phone: { width: 360, height: 760 } };
const problems = [];
// Long, because other programs may keep the machine busy.
const PATIENCE = 60000;

const wirelab = words =>
  execFileSync(process.env.WIRELAB_TEST_WIRELAB, words, { encoding: 'utf8', maxBuffer: 64 << 20 });

const settled = (page, count = 1) =>
  page.waitForFunction(
    count =>
      document.querySelectorAll('.config').length === count
      && !document.querySelector('.config.busy')
      && document.querySelectorAll('.part table').length >= count,
    count,
    { timeout: PATIENCE },
  );

// Waits until a change has begun to run and has run.
const ran = async (page, wanted) => {
  await page.waitForFunction(wanted => document.querySelector('.command code').textContent.includes(wanted), wanted, {
    timeout: PATIENCE,
  });
  await settled(page);
};

const commandOf = async page => (await page.locator('.command code').textContent()).split(' ').slice(1);

async function downloaded(page, name) {
  const [download] = await Promise.all([
    page.waitForEvent('download', { timeout: PATIENCE }),
    page.getByRole('button', { name }).click(),
  ]);
  return fs.readFileSync(await download.path(), 'utf8');
}

// The words of the first table of a page or of Markdown.
const tableOf = page =>
  page
    .locator('.part table')
    .first()
    .evaluate(table => [...table.rows].map(row => [...row.cells].map(cell => cell.textContent.trim())));
const tableIn = markdown => {
  const lines = markdown.split('\n');
  const first = lines.findIndex(line => line.startsWith('|'));
  const rows = lines.slice(
    first,
    lines.findIndex((line, index) => index > first && !line.startsWith('|')),
  );
  return rows
    .filter((_, index) => index !== 1)
    .map(row =>
      row
        .split('|')
        .slice(1, -1)
        .map(cell => cell.trim().replaceAll('`', '')),
    );
};

async function check(page, note, step, base) {
  if (base) await page.screenshot({ path: `${base}-${step}.png`, fullPage: true });
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  if (wide > 1) note(`${step}: the page is ${wide} px too wide`);
  await checkAccess(page, problem => note(`${step}: ${problem}`));
}

async function use(page, address, size, note, base) {
  const begun = Date.now();
  await page.goto(address);
  await page.waitForSelector('.strip', { timeout: PATIENCE });
  const first = Date.now() - begun;
  await settled(page);
  console.log(`${address.slice(0, 24)} ${size}: first figures after ${first} ms, all after ${Date.now() - begun} ms`);
  await check(page, note, '1-open', base);

  // What the settings mean is shown on demand.
  if (size === 'phone') await page.locator('.settings summary').click();
  const hints = page.locator('.hint:visible');
  if (await hints.count()) note('settings are explained before anybody asks');
  await page.getByRole('button', { name: 'Explain settings' }).click();
  const [shown, settings] = [await hints.count(), await page.locator('.controls .hint').count()];
  if (shown < 20 || shown !== settings) note(`${shown} of ${settings} explanations are shown`);
  await check(page, note, '1-explained', base);
  await page.getByRole('button', { name: 'Explain settings' }).click();

  // Three changes: a slider by the keyboard, a text field, a checkbox.
  await page.getByRole('slider', { name: 'Loss each way' }).press('ArrowRight');
  await page.getByRole('slider', { name: 'Loss each way' }).press('ArrowRight');
  await ran(page, '--loss 2%');
  await page.getByRole('textbox', { name: 'Round trip' }).fill('70ms');
  await page.getByRole('textbox', { name: 'Round trip' }).press('Enter');
  await ran(page, '--rtt 70ms');
  const at = await page
    .getByRole('slider', { name: 'Round trip' })
    .evaluate(slider => [slider.value, slider.getAttribute('aria-valuetext')]);
  if (at.join() !== '7,70ms') note(`the slider is at ${at}, and 80ms is the nearest to 70ms`);
  await page.getByRole('checkbox', { name: 'quic-message' }).uncheck();
  await ran(page, '-t udp,arq-selective,quic-one,quic-datagram');
  await check(page, note, '2-changed', base);

  const command = await commandOf(page);
  if ((await downloaded(page, 'Save JSON')) !== wirelab([...command, '-J', '-q']))
    note('the saved JSON is not what the command prints');
  const [table, markdown] = [await tableOf(page), tableIn(wirelab([...command, '--format', 'md', '-q']))];
  if (JSON.stringify(table) !== JSON.stringify(markdown))
    note(`the table is not the command's: ${JSON.stringify(table[1])} ${JSON.stringify(markdown[1])}`);
  if (!(await downloaded(page, 'Save CSV')).startsWith('transport,')) note('the saved CSV has no header');
  if (!(await downloaded(page, 'Save report')).includes('<svg')) note('the saved report has no chart');

  // A ladder: on the desktop by a click on a dot, on the phone by the keyboard.
  const canvas = page.locator('.strip', { hasText: 'quic-one' }).locator('canvas');
  await canvas.scrollIntoViewIfNeeded();
  if (size === 'desktop') {
    const at = await canvas.evaluate(canvas => {
      const [red, green, blue] = getComputedStyle(document.documentElement)
        .getPropertyValue('--p3')
        .trim()
        .match(/[\da-f]{2}/gi)
        .map(part => parseInt(part, 16));
      const { data, width } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
      for (let place = 0; place < data.length; place += 4) {
        if (data[place] === red && data[place + 1] === green && data[place + 2] === blue)
          return { x: ((place / 4) % width) / devicePixelRatio, y: Math.floor(place / 4 / width) / devicePixelRatio };
      }
      return null;
    });
    if (!at) note('no message waited for another flow');
    else await canvas.click({ position: at });
  } else {
    await canvas.focus();
    await canvas.press('ArrowRight');
    await canvas.press('Enter');
  }
  await page.waitForSelector('.episode svg .packet', { timeout: PATIENCE });
  const packets = await page.locator('.ladder .packet').count();
  await page.getByRole('button', { name: 'Rewind' }).click();
  const visible = () =>
    page.locator('.ladder .packet').evaluateAll(all => all.filter(packet => packet.style.display !== 'none').length);
  const before = await visible();
  for (let step = 0; step < 4; step += 1) await page.getByRole('button', { name: 'Step', exact: true }).click();
  if (!((await visible()) > before && before < packets))
    note(`the ladder does not step: ${before} of ${packets}, then ${await visible()}`);
  if (!/^\+/.test(await page.locator('.episode .info').textContent())) note('a step tells nothing');
  await page.getByRole('slider', { name: 'Instant of the episode' }).press('End');
  const packet = page.locator('.ladder .packet .hit').first();
  if (size === 'phone') await packet.tap({ force: true });
  else await packet.hover({ force: true });
  const frames = await page.locator('.episode .info').textContent();
  if (!/Frames: .*(STREAM|ACK)/.test(frames)) note(`a packet has no frames: ${frames}`);
  await page.getByRole('button', { name: 'Rewind' }).click();
  await page.getByRole('button', { name: 'Play' }).click();
  await page.waitForTimeout(300);
  const height = await page.locator('.ladder').evaluate(drawing => drawing.viewBox.baseVal.height);
  await page.getByRole('button', { name: 'Zoom in' }).click();
  if ((await page.locator('.ladder').evaluate(drawing => drawing.viewBox.baseVal.height)) <= height)
    note('the ladder does not zoom');
  await page.getByRole('slider', { name: 'Instant of the episode' }).press('End');
  await check(page, note, '3-ladder', base);

  // A link shows the same.
  const heading = await page.locator('.episode h3').textContent();
  const other = await page.context().newPage();
  await other.goto(page.url());
  await settled(other);
  await other.waitForSelector('.episode svg .packet', { timeout: PATIENCE });
  if ((await other.locator('.episode h3').textContent()) !== heading) note('a link opens another ladder');
  if (JSON.stringify(await tableOf(other)) !== JSON.stringify(table)) note('a link shows other figures');
  await other.close();

  await move(page, note, base);
  await load(page, note, base);

  // Two configurations.
  await page.getByRole('button', { name: 'Compare two' }).click();
  await settled(page, 2);
  const second = page.getByRole('region', { name: 'Configuration B' });
  if (size === 'phone') await second.locator('.settings summary').click();
  await second.getByRole('textbox', { name: 'Loss each way' }).fill('0%');
  await second.getByRole('textbox', { name: 'Loss each way' }).press('Enter');
  await page.waitForFunction(
    () => document.querySelectorAll('.command code')[1].textContent.includes('--loss 0%'),
    null,
    { timeout: PATIENCE },
  );
  await settled(page, 2);
  // Without loss nothing is as late as on the left, but both have one scale.
  const scales = await page.locator('.dots').evaluateAll(all => all.map(dots => dots.dataset.highest));
  if (scales.length !== 2 || scales[0] !== scales[1]) note(`the two have the scales ${scales}`);
  await check(page, note, '4-two', base);

  // An invalid value gets a sentence.
  await second.getByRole('textbox', { name: 'Loss each way' }).fill('lots');
  await second.getByRole('textbox', { name: 'Loss each way' }).press('Enter');
  await second.locator('.error').waitFor({ timeout: PATIENCE });
  if (!/loss/.test(await second.locator('.error').textContent()))
    note(`the error is: ${await second.locator('.error').textContent()}`);

  // A lesson.
  await page.getByRole('button', { name: 'Lessons' }).click();
  await page.waitForSelector('.contents', { timeout: PATIENCE });
  if (size === 'phone') await page.locator('.contents summary').click();
  await page.locator('.lessons button').nth(1).click();
  await check(page, note, '5-question', base);
  await page.locator('.answer').nth(1).click();
  await page.waitForSelector('.findings table', { timeout: PATIENCE });
  if (!/You (were|said)/.test(await page.locator('.findings').textContent()))
    note('the lesson does not judge the prediction');
  await check(page, note, '6-lesson', base);
  if (await page.locator('.findings a[href^="#"]').count()) note('a link of a lesson changes the address');
  const lines = await page
    .locator('.findings pre', { has: page.getByRole('button') })
    .locator('code')
    .allTextContents();
  if (!lines.length || lines.some(line => /--loss \S+,/.test(line))) note(`the lab offers ${lines}`);
  await page.getByRole('button', { name: 'Try it here' }).first().click();
  await page.waitForFunction(() => document.querySelector('.config') && !document.querySelector('.config.busy'), null, {
    timeout: PATIENCE,
  });
  if (await page.locator('.error:visible').count())
    note(`the lab refuses a lesson's command: ${await page.locator('.error').textContent()}`);
}

// A client that moves to another network: the change is drawn, and the gap is the command's.
async function move(page, note, base) {
  const address = page.getByRole('combobox', { name: 'Its address' });
  await address.selectOption('network');
  await ran(page, '--handover 5s:300ms');
  await page.getByRole('textbox', { name: 'Without a network for' }).fill('400ms');
  await page.getByRole('textbox', { name: 'Without a network for' }).press('Enter');
  await page.getByRole('textbox', { name: 'The other network has' }).fill('delay=40ms,rate=5mbit');
  await page.getByRole('textbox', { name: 'The other network has' }).press('Enter');
  await ran(page, '--handover 5s:400ms --after delay=40ms,rate=5mbit');
  const command = await commandOf(page);
  if (!page.url().includes('--handover+5s:400ms+--after+delay=40ms,rate=5mbit'))
    note(`the address does not hold the change: ${page.url()}`);
  if ((await downloaded(page, 'Save JSON')) !== wirelab([...command, '-J', '-q']))
    note('the saved JSON of a client that moves is not what the command prints');
  const printed = wirelab([...command, '--format', 'md', '-q']).replaceAll('`', '');
  for (const strip of await page.locator('.strip').all()) {
    const transport = await strip.locator('strong').textContent();
    const gap = (await strip.locator('.name').textContent()).match(/no reply for [\d.]+ \S+/)?.[0];
    const lines = printed.split('\n').filter(line => line.includes(`${transport} `) && line.includes(`: ${gap};`));
    if (!gap || lines.length !== 1) note(`${transport} has the gap ${gap}, which the command does not print`);
    if (await strip.getByRole('button').count()) note(`${transport} offers a ladder`);
  }
  await check(page, note, '4-moved', base);
  await address.selectOption('ip');
  await ran(page, '--rebind 5s:ip');
  await address.selectOption('');
  await page.waitForFunction(
    () => !/rebind|handover|after/.test(document.querySelector('.command code').textContent),
    null,
    { timeout: PATIENCE },
  );
  await settled(page);
}

// Loads of a page, which have a chart of their own.
async function load(page, note, base) {
  const sends = page.getByRole('combobox', { name: 'Sends' });
  const before = (await commandOf(page)).join(' ');
  await sends.selectOption('page');
  await ran(page, '--workload page');
  await page.waitForSelector('.part svg', { timeout: PATIENCE });
  const command = await commandOf(page);
  if ((await downloaded(page, 'Save JSON')) !== wirelab([...command, '-J', '-q']))
    note('the saved JSON of page loads is not what the command prints');
  await check(page, note, '4-page', base);
  await sends.selectOption('');
  await page.getByRole('combobox', { name: 'Command' }).selectOption('hol');
  await ran(page, 'hol');
  const after = (await commandOf(page)).join(' ');
  if (after !== before) note(`the command was ${before} and is ${after}`);
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
  await page.goto(`${address}#a=hol+-t+udp,arq-selective,quic-one+-d+4s+--seeds+1`);
  await settled(page);
  const slider = page.getByRole('slider', { name: 'Loss each way' });
  let begin;
  for (let change = 0; change < changes; change += 1) {
    if (change === 50) begin = await used();
    await slider.press(change % 20 < 10 ? 'ArrowRight' : 'ArrowLeft');
    if (change % 5 === 4) {
      await page.waitForTimeout(80);
      await settled(page);
    }
  }
  const end = await used();
  console.log(
    `${changes} changes: ${(begin / 1e6).toFixed(1)} MB of JavaScript after 50, ${(end / 1e6).toFixed(1)} MB at last`,
  );
  if (end > begin * 1.1 + 1e6) note(`the page has grown from ${begin} to ${end} bytes`);
}

// Serves the files of a folder as any web server does. Returns the address.
async function serve(folder) {
  const kinds = {
    '.html': 'text/html',
    '.js': 'text/javascript',
    '.css': 'text/css',
    '.bin': 'application/octet-stream',
  };
  const server = http.createServer((request, response) => {
    const name = path.basename(new URL(request.url, 'http://any').pathname) || 'index.html';
    response.setHeader('content-type', kinds[path.extname(name)] ?? 'text/plain');
    fs.createReadStream(path.join(folder, name))
      .on('error', () => {
        response.statusCode = 404;
        response.end();
      })
      .pipe(response);
  });
  await new Promise(ready => server.listen(0, '127.0.0.1', ready));
  return `http://127.0.0.1:${server.address().port}/`;
}

const browser = await launch();
for (const [index, given] of pages.entries()) {
  const address = given.includes('://') ? given : await serve(given);
  for (const [size, viewport] of Object.entries(sizes)) {
    const note = problem => {
      problems.push(`${address.slice(0, 24)} ${size}: ${problem}`);
    };
    const context = await browser.newContext({
      viewport,
      hasTouch: size === 'phone',
      isMobile: size === 'phone',
      colorScheme: size === 'phone' ? 'dark' : 'light',
      acceptDownloads: true,
    });
    const page = await context.newPage();
    const origin = address.startsWith('file:') ? 'file:' : new URL(address).origin;
    watch(context, address => [origin, 'data:', 'blob:'].some(own => address.startsWith(own)), note);
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
end(pages.length, problems);

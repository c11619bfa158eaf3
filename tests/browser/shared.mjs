// What the browser's scripts share: the browser, and the check of accessibility.
//
// WIRELAB_TEST_BROWSER names the folder whose node_modules has playwright-core and axe-core.
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

const require = createRequire(path.join(process.env.WIRELAB_TEST_BROWSER, 'package.json'));
const { chromium } = require('playwright-core');
const axe = fs.readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

export const launch = () =>
  chromium.launch({ executablePath: process.env.WIRELAB_TEST_CHROMIUM, args: ['--no-sandbox'] });

// Reports errors, warnings and requests to elsewhere of all pages of a context. `isOwn` tells whether a page may load
// an address.
export function watch(context, isOwn, note) {
  context.on('console', message => {
    if (['error', 'warning'].includes(message.type())) note(`console: ${message.text()}`);
  });
  context.on('weberror', error => note(`error: ${error.error().message}`));
  context.on('request', request => {
    if (!isOwn(request.url())) note(`request: ${request.url().slice(0, 100)}`);
  });
}

// Reports what makes a page inaccessible. The page's policy forbids external scripts, so the checker is injected
// through the debugger.
export async function checkAccess(page, note) {
  // Results fade in when a run ends. Contrast is judged after that.
  await page.evaluate(() => Promise.allSettled(document.getAnimations().map(animation => animation.finished)));
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => axe.run(document, { resultTypes: ['violations'] }));
  for (const { id, nodes } of violations)
    note(
      `axe: ${id}: ${nodes
        .slice(0, 3)
        .map(node => `${node.target.join(' ')} ${node.any[0]?.message ?? ''}`)
        .join('; ')}`,
    );
}

// Prints the problems and ends with 1 if there are any.
export function end(pages, problems) {
  problems.forEach(problem => console.log(problem));
  console.log(`${pages} pages, ${problems.length} problems`);
  process.exit(problems.length ? 1 : 0);
}

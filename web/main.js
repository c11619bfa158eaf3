// The page: which view is shown, and the address that holds it.
import { copy, el, say } from 'lab/dom.js';
import { start } from 'lab/engine.js';
import { Panel } from 'lab/panel.js';
import { read, write } from 'lab/state.js';
import { Tour } from 'lab/tour.js';

const byId = id => document.getElementById(id);
const state = read();
let panels = [];

try {
  const engine = await start();
  const about = JSON.parse(await engine.call({ call: 'about' }));
  document.head.prepend(el('style', {}, about.css));
  const engineIs =
    about.paths.length > 1
      ? 'this machine is the engine'
      : 'quinn, rustls and our ARQ run in this browser, in virtual time';
  byId('by').textContent = `wirelab ${about.version}: ${engineIs}. The command on the page prints the same figures.`;
  byId('starting').remove();
  const tour = new Tour(engine, byId('tour'), {
    chosen: lesson => {
      state.lesson = lesson;
      write(state);
    },
    attempt: line => {
      state.lines = [line];
      state.ladder = null;
      state.view = 'lab';
      build(engine, about);
      show(tour);
      scrollTo(0, 0);
    },
  });
  build(engine, about);
  byId('view-lab').addEventListener('click', () => {
    state.view = 'lab';
    show(tour);
  });
  byId('view-tour').addEventListener('click', () => {
    state.view = 'tour';
    show(tour);
  });
  // A link would change the address, which holds the state.
  byId('skip').addEventListener('click', () =>
    document.querySelector(state.view === 'tour' ? '.lesson' : '.shown')?.focus(),
  );
  byId('share').addEventListener('click', () => copy(location.href, 'Link'));
  byId('compare').addEventListener('click', () => {
    state.lines = state.lines.length > 1 ? [state.lines[0]] : [state.lines[0], state.lines[0]];
    if (state.ladder?.place) state.ladder = null;
    build(engine, about);
    show(tour);
    say(state.lines.length > 1 ? 'Two configurations: change one of them' : 'One configuration');
  });
  addEventListener('hashchange', () => {
    Object.assign(state, read());
    build(engine, about);
    show(tour);
  });
  await show(tour);
} catch (error) {
  byId('starting')?.replaceChildren(`The engine does not start: ${error.message}`);
  throw error;
}

// Builds a panel for each configuration, and runs them.
function build(engine, about) {
  panels.forEach(panel => panel.stop());
  const two = state.lines.length > 1;
  panels = state.lines.map(
    (line, index) =>
      new Panel(engine, about, two ? 'AB'[index] : '', line, {
        changed: next => {
          state.lines[index] = next;
          state.ladder = state.ladder?.place === index ? null : state.ladder;
          write(state);
        },
        shown: () => {
          const highest = Math.max(...panels.map(panel => panel.highest ?? 0));
          panels.forEach(panel => panel.draw(highest));
        },
        opened: ladder => {
          state.ladder = ladder && { place: index, ...ladder };
          write(state);
        },
      }),
  );
  byId('lab').className = two ? 'configs two' : 'configs';
  byId('lab').replaceChildren(...panels.map(panel => panel.element));
  byId('compare').setAttribute('aria-pressed', two);
  byId('compare').textContent = two ? 'One only' : 'Compare two';
  panels.forEach(async (panel, index) => {
    await panel.run();
    if (state.ladder?.place === index && panels[index] === panel) panel.open(state.ladder);
  });
}

async function show(tour) {
  const isTour = state.view === 'tour';
  byId('lab').hidden = isTour;
  byId('intro').hidden = isTour || state.lines.length > 1;
  byId('tour').hidden = !isTour;
  byId('compare').hidden = isTour;
  byId('view-lab').setAttribute('aria-pressed', !isTour);
  byId('view-tour').setAttribute('aria-pressed', isTour);
  write(state);
  if (isTour) await tour.show(state.lesson);
}

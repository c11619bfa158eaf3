// One configuration: its controls, its run, and what the run shows.
import { button, copy, el, fit, save, say, time } from 'lab/dom.js';
import { dots, highest, rowNames } from 'lab/dots.js';
import { Controls } from 'lab/controls.js';
import { ladder } from 'lab/ladder.js';
import { join, split } from 'lab/state.js';

// While a slider moves, a run that ends in this time is still shown; a longer one gives way to the next.
const GRACE_MS = 250;

export class Panel {
  // `changed` hears a new line, `opened` a ladder that was opened, or null, `shown` that there is a result to draw.
  constructor(engine, about, place, line, { changed, opened, shown }) {
    Object.assign(this, { engine, about, place, line, changed, opened, shown });
    this.controls = new Controls(place, line, about, next => this.change(next));
    const settings = el(
      'details',
      { class: 'settings', open: innerWidth > 700 },
      el('summary', {}, place ? `Settings ${place}` : 'Settings'),
      this.controls.form,
    );
    this.command = el('code', {});
    this.bar = el('progress', { max: 1, value: 0, 'aria-label': 'Progress', hidden: true });
    this.error = el('p', { class: 'error', role: 'alert', hidden: true });
    this.results = el('div', { class: 'results', 'aria-live': 'off' });
    this.figure = el('div', {});
    this.part = el('div', { class: 'part' });
    this.ladder = el('div', {});
    this.results.append(this.figure, this.ladder, this.part);
    const tools = el(
      'div',
      { class: 'tools' },
      button('Copy command', () => copy(`wirelab ${this.line}`, 'Command')),
      button('Save JSON', () => this.save('json')),
      button('Save CSV', () => this.save('csv')),
      button('Save report', () => this.save('html')),
    );
    this.element = el(
      'section',
      { class: 'config', 'aria-label': place ? `Configuration ${place}` : 'Configuration' },
      settings,
      el(
        'div',
        { class: 'shown', tabindex: '-1' },
        el('p', { class: 'command' }, place ? el('strong', { class: 'place' }, place) : null, '$ ', this.command),
        tools,
        this.bar,
        this.error,
        this.results,
      ),
    );
  }

  change(line) {
    this.line = line;
    this.shut();
    this.changed(line);
    clearTimeout(this.soon);
    if (!this.running) {
      this.run();
      return;
    }
    this.isWaiting = true;
    this.soon = setTimeout(() => this.run(), this.begun + GRACE_MS - performance.now());
  }

  // Runs the configuration. An earlier run is cancelled.
  async run() {
    clearTimeout(this.soon);
    this.isWaiting = false;
    this.running?.abort(new DOMException('', 'AbortError'));
    const running = (this.running = new AbortController());
    const { signal } = running;
    this.begun = performance.now();
    this.command.textContent = `wirelab ${this.line}`;
    this.element.classList.add('busy');
    let clock;
    const late = setTimeout(() => {
      this.bar.hidden = false;
    }, 400);
    let total = 1;
    this.bar.removeAttribute('value');
    const hooks = {
      begin: ({ runs, seconds }) => {
        total = runs || 1;
        const begun = performance.now();
        if (seconds)
          clock = setInterval(() => {
            this.bar.value = Math.min(0.98, (performance.now() - begun) / seconds / 1000);
          }, 200);
      },
      done: runs => {
        if (!clock) this.bar.value = Math.min(1, (this.bar.value || 0) + runs / total);
      },
    };
    try {
      await this.preview(signal);
      const { part, result } = JSON.parse(
        await this.engine.call({ call: 'show', words: split(this.line) }, signal, hooks),
      );
      if (signal.aborted) return;
      this.show(result, part);
      this.error.hidden = true;
    } catch (error) {
      if (signal.aborted) return;
      this.error.textContent = error.message;
      this.error.hidden = false;
      this.figure.replaceChildren();
      this.part.replaceChildren();
      this.file = null;
      this.highest = 0;
    } finally {
      clearTimeout(late);
      clearInterval(clock);
      if (this.running === running) {
        this.bar.hidden = true;
        this.element.classList.remove('busy');
        this.running = null;
        if (this.isWaiting) this.run();
      }
    }
  }

  // Shows the first transport alone, once: an engine in the browser is slow until the browser has optimised it.
  async preview(signal) {
    const name = this.controls.parts.options.get('-t')?.split(',')[0];
    const isOne = this.about.transports.some(transport => transport.name === name);
    if (!this.engine.isCold || !isOne) return;
    this.engine.isCold = false;
    const { part, result } = JSON.parse(await this.engine.call({ call: 'show', words: this.only(name) }, signal));
    if (signal.aborted) return;
    this.show(result, part);
    this.figure.prepend(el('p', { class: 'note' }, `${name} is shown. The others are running …`));
  }

  // The words of the command line with this transport and controller only.
  only(transport, controller) {
    const words = split(this.line);
    const change = (option, long, value) => {
      const at = words.findIndex(word => word === option || word === long);
      if (at >= 0) words[at + 1] = value;
      else words.push(option, value);
    };
    change('-t', '--transport', transport);
    if (controller) change('-C', '--congestion', controller);
    return words;
  }

  show(file, part) {
    this.file = file;
    this.highest = highest(file);
    this.drawn = null;
    this.shown();
    this.part.innerHTML = part;
    // Two configurations stand on one page.
    const prefix = `p${this.place}-`;
    for (const marked of this.part.querySelectorAll('[id]')) marked.id = prefix + marked.id;
    for (const chart of this.part.querySelectorAll('[aria-labelledby]')) {
      chart.setAttribute(
        'aria-labelledby',
        chart
          .getAttribute('aria-labelledby')
          .split(' ')
          .map(id => prefix + id)
          .join(' '),
      );
    }
    fit(this.part);
  }

  // Draws the run in time. Two configurations have one scale, so that they can be compared.
  draw(highest) {
    const { file } = this;
    if (!file || this.drawn === highest) return;
    this.drawn = highest;
    this.figure.replaceChildren(
      dots(file, highest, (cell, which) =>
        this.open({ transport: rowNames(file.cells)(cell), seed: cell.pictures.timeline.seed, which }, true),
      ),
    );
  }

  // Opens the ladder of a message, or of the longest stall.
  async open(request, byHand = false) {
    const cell = this.file?.cells.find(other => rowNames(this.file.cells)(other) === request.transport);
    if (!cell) return;
    this.opening?.abort(new DOMException('', 'AbortError'));
    const { signal } = (this.opening = new AbortController());
    const opener = byHand ? document.activeElement : null;
    const words = this.only(cell.transport, cell.congestion);
    try {
      if (!this.isSimulated()) return say('Ladders are drawn in virtual time: choose the path sim');
      const text = await this.engine.call({ call: 'episode', words, seed: request.seed, which: request.which }, signal);
      const episode = JSON.parse(text);
      if (signal.aborted) return;
      if (!episode) return say('Nothing was lost or late there: this message has no ladder');
      const element = ladder(episode, request.transport, () => {
        this.shut();
        this.opened(null);
        opener?.focus();
      });
      this.ladder.replaceChildren(element);
      element.start();
      this.opened(request);
      if (byHand) {
        element.focus({ preventScroll: true });
        element.scrollIntoView({ block: 'nearest' });
      }
    } catch (error) {
      if (!signal.aborted) say(error.message);
    }
  }

  isSimulated() {
    return (this.controls.parts.options.get('--path') || 'sim') === 'sim';
  }

  shut() {
    this.opening?.abort(new DOMException('', 'AbortError'));
    this.ladder.replaceChildren();
  }

  async save(format) {
    if (!this.file) return say('There is no result to save yet');
    const kinds = { json: 'application/json', csv: 'text/csv', html: 'text/html' };
    const words = split(this.line);
    // A run in virtual time is repeated exactly, one in real time is not.
    const result = this.isSimulated() ? null : JSON.stringify(this.file);
    try {
      save(
        `wirelab-${words[0]}.${format}`,
        kinds[format],
        await this.engine.call({ call: 'render', words, format, result }),
      );
      say(`Saved as ${format}`);
    } catch (error) {
      say(error.message);
    }
  }

  stop() {
    clearTimeout(this.soon);
    this.isWaiting = false;
    this.running?.abort(new DOMException('', 'AbortError'));
    this.opening?.abort(new DOMException('', 'AbortError'));
  }
}

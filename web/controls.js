// The controls of a configuration. They read a command line and write one; what they do not know stays in a text field.
import { button, el } from 'lab/dom.js';
import { FIELDS, LINK_OF_PRESET, WORKLOADS } from 'lab/fields.js';
import { hint, line, select, value } from 'lab/inputs.js';
import { moves, OPTIONS as MOVES } from 'lab/moves.js';
import { join, split } from 'lab/state.js';

const LONG = { '--transport': '-t', '--congestion': '-C', '--interval': '-i', '--duration': '-d', '--length': '-l' };
const FLAGS = ['--keep-order', '--drop-late'];

// The parts of a command line: the command, its options by name, and what has no control.
export function parse(line) {
  const [command = 'hol', ...words] = split(line);
  const options = new Map();
  const rest = [];
  const known = [...FIELDS.map(field => field.option), '-t', '-C', '--path', '--preset', '--workload', ...MOVES];
  while (words.length) {
    const word = words.shift();
    const option = LONG[word] ?? word;
    if (known.includes(option)) options.set(option, words.shift() ?? '');
    else if (FLAGS.includes(option) || !words.length) rest.push(word);
    else rest.push(word, words.shift());
  }
  return { command: command === 'bench' ? 'bench' : 'hol', options, rest };
}

// Whether the help of settings is shown. Readers who open it want it in both configurations.
let isExplained = false;

// Builds the form. `changed` is called with the new command line.
export class Controls {
  constructor(place, line, about, changed) {
    Object.assign(this, { place, about, changed });
    this.parts = parse(line);
    this.form = el('form', {
      class: 'controls',
      'aria-label': `Settings ${place}`,
      submit: event => event.preventDefault(),
    });
    this.build();
  }

  get line() {
    const { command, options, rest } = this.parts;
    const words = [command];
    const add = (option, value) => {
      if (value) words.push(option, value);
    };
    for (const option of ['-t', '-C', '--path', '--preset', '--workload']) add(option, options.get(option));
    const hasPreset = options.get('--preset');
    for (const { option, usual, group } of FIELDS) {
      const value = options.get(option);
      if (value !== usual || (hasPreset && group === 'Link')) add(option, value);
    }
    for (const option of MOVES) add(option, options.get(option));
    return join([...words, ...rest]);
  }

  set(option, value) {
    if (value) this.parts.options.set(option, value);
    else this.parts.options.delete(option);
    this.changed(this.line);
  }

  build() {
    const names = ['Link', 'Messages', 'Client', 'Transports', 'Seeds'];
    const groups = new Map(names.map(name => [name, el('fieldset', {}, el('legend', {}, name))]));
    groups.get('Link').append(this.preset());
    groups.get('Messages').append(this.workload());
    for (const field of FIELDS)
      if (!field.of || field.of.includes(this.sent)) groups.get(field.group).append(this.field(field));
    // The gap of a change is measured by messages.
    if (this.sent === 'page') groups.delete('Client');
    groups.get('Client')?.append(
      ...moves(
        this.place,
        this.parts.options,
        () => this.changed(this.line),
        id => this.rebuild(id),
      ),
    );
    groups.get('Transports').append(...this.transports());
    groups.get('Seeds').append(...this.more());
    this.form.classList.toggle('explained', isExplained);
    this.form.replaceChildren(this.explain(), ...groups.values());
  }

  // Builds the form again, because other inputs are needed. The focus stays.
  rebuild(id) {
    this.build();
    this.form.querySelector(`[id="${id}"]`)?.focus();
  }

  // Shows or hides the help of all settings.
  explain() {
    const press = () => {
      isExplained = !isExplained;
      for (const form of document.querySelectorAll('.controls')) {
        form.classList.toggle('explained', isExplained);
        form.querySelector('.explain').setAttribute('aria-pressed', isExplained);
      }
    };
    return button('Explain settings', press, { class: 'explain', 'aria-pressed': isExplained });
  }

  // What is sent: messages, video, game or page.
  get sent() {
    return this.parts.options.get('--workload')?.split(':')[0] || 'messages';
  }

  field({ option, usual, label, help, none, values }) {
    const { options } = this.parts;
    const isSetElsewhere =
      (options.get('--preset') && LINK_OF_PRESET.includes(option)) || (option === '-l' && this.sent !== 'messages');
    const current = options.get(option) ?? (isSetElsewhere ? '' : (usual ?? ''));
    const set = value => this.set(option, value);
    return value({ id: `${this.place}${option}`, label, help, none, values, current, set });
  }

  // A choice of the values of an option. `then` runs after the value is set, before the change is told.
  select(option, label, help, choices, then = () => {}) {
    const id = `${this.place}${option}`;
    const set = value => {
      if (value) this.parts.options.set(option, value);
      else this.parts.options.delete(option);
      then(id);
      this.changed(this.line);
    };
    return select({ id, label, help, choices, current: this.parts.options.get(option) ?? '', set });
  }

  preset() {
    const choices = this.about.presets.map(preset => [preset.name, `${preset.name}: ${preset.words}`]);
    const all = [['', 'my own figures'], ...choices];
    // A preset sets the link, so figures of another link give way.
    return this.select('--preset', 'Like', 'A link with figures from publications, or your own.', all, id => {
      for (const option of LINK_OF_PRESET) this.parts.options.delete(option);
      this.rebuild(id);
    });
  }

  workload() {
    const help = 'Messages show delays one by one. The others show what their users see of them.';
    const before = this.sent;
    // All but messages have their own sizes and instants, and `bench` measures them.
    return this.select('--workload', 'Sends', help, WORKLOADS, id => {
      for (const { option, of } of FIELDS)
        if (of && (!of.includes(this.sent) || option === '-l')) this.parts.options.delete(option);
      if (this.sent === 'page') for (const option of MOVES) this.parts.options.delete(option);
      // The default would take a browser long.
      if (before === 'page') this.parts.options.set('-d', '10s');
      if (this.sent !== 'messages') this.parts.command = 'bench';
      this.rebuild(id);
    });
  }

  transports() {
    const path = this.parts.options.get('--path') ?? 'sim';
    const chosen = (this.parts.options.get('-t') ?? '').split(',');
    const isOn = name =>
      chosen.includes(name)
      || chosen.includes('all')
      || chosen.some(group => group && ['quic', 'arq'].includes(group) && name.startsWith(`${group}-`));
    const boxes = this.about.transports.map(({ name, words, paths }) => {
      const id = `${this.place}-${name}`;
      const can = paths.includes(path);
      const box = el('input', {
        type: 'checkbox',
        id,
        value: name,
        checked: isOn(name) && can,
        disabled: !can,
        'aria-describedby': `${id}-hint`,
        change: () => this.choose(),
      });
      return el(
        'div',
        {},
        el('label', { class: can ? 'choice' : 'choice cannot', for: id, title: words }, box, ' ', name),
        hint(id, can ? sentence(words) : `${sentence(words)} Not on ${path}.`),
      );
    });
    this.choices = el('div', { class: 'choices', role: 'group', 'aria-label': 'Transports' }, ...boxes);
    const reasons = new Map();
    for (const { name, refused } of this.about.transports)
      if (refused[path]) reasons.set(refused[path], [...(reasons.get(refused[path]) ?? []), name]);
    const missing = [...reasons].map(([reason, names]) =>
      el('p', { class: 'note' }, `Not here: ${names.join(', ')}. ${sentence(reason)}`),
    );
    const congestion = this.about.congestion.map(name => [name, name]);
    const usual = this.parts.command === 'hol' ? 'fixed' : 'cubic';
    const help = 'How much QUIC and ARQ may have under way. With fixed, a loss does not slow them down.';
    const fields = [
      this.choices,
      ...missing,
      this.select('-C', 'Congestion control', help, [['', `default (${usual})`], ...congestion]),
    ];
    if (this.about.paths.length > 1) {
      const words = { sim: 'virtual time', relay: 'real time, loopback', netns: 'real time, kernel TCP too' };
      const paths = this.about.paths.map(name => [name === 'sim' ? '' : name, `${name}: ${words[name]}`]);
      const help = 'Virtual time takes no waiting. In real time, packets go through sockets of this machine.';
      fields.push(this.select('--path', 'Path', help, paths, id => this.rebuild(id)));
    }
    return fields;
  }

  choose() {
    const names = [...this.choices.querySelectorAll('input:checked')].map(box => box.value);
    if (names.length) this.set('-t', names.join(','));
  }

  more() {
    const command = select({
      id: `${this.place}-command`,
      label: 'Command',
      help: 'Both make the same runs. hol follows each message through losses and waits.',
      current: this.parts.command,
      choices: [
        ['hol', 'hol: who waits for whom'],
        ['bench', 'bench: latency and loss'],
      ],
      set: command => {
        this.parts.command = command;
        this.rebuild(`${this.place}-command`);
        this.changed(this.line);
      },
    });
    const others = line({
      id: `${this.place}-more`,
      label: 'More options',
      help: 'Any other option of the command, as in a terminal.',
      current: join(this.parts.rest),
      placeholder: '--to-client loss=0%',
      set: words => {
        this.parts.rest = split(words);
        this.changed(this.line);
      },
    });
    return [command, others];
  }
}

// A reason or a description as a sentence.
const sentence = words => `${words[0].toUpperCase()}${words.slice(1).replaceAll('`', '')}.`;

// The controls of a configuration. They read a command line and write one; what they do not know stays in a text field.
import { el } from 'lab/dom.js';
import { join, split } from 'lab/state.js';

const DEFAULT_LOSS = '1%';

// Options with a control: the option, its label, its help, and for a slider its values.
const FIELDS = [
  {
    group: 'Link',
    option: '--rtt',
    label: 'Round trip',
    usual: '50ms',
    values: ['0ms', '2ms', '5ms', '10ms', '20ms', '30ms', '50ms', '80ms', '100ms', '150ms', '200ms', '300ms', '600ms'],
  },
  {
    group: 'Link',
    option: '--loss',
    label: 'Loss each way',
    usual: DEFAULT_LOSS,
    values: ['0%', '0.1%', '0.2%', '0.5%', '1%', '1.5%', '2%', '3%', '5%', '8%', '10%', '15%', '20%'],
  },
  {
    group: 'Link',
    option: '--rate',
    label: 'Rate',
    usual: '',
    none: 'unlimited',
    values: ['', '100mbit', '50mbit', '20mbit', '10mbit', '5mbit', '2mbit', '1mbit', '500kbit'],
  },
  {
    group: 'Link',
    option: '--queue',
    label: 'Queue',
    usual: '',
    none: 'unlimited',
    values: ['', '5p', '10p', '20p', '50p', '100p', '1000p'],
  },
  {
    group: 'Link',
    option: '--jitter',
    label: 'Jitter',
    usual: '',
    none: 'none',
    values: ['', '1ms', '2ms', '5ms', '10ms', '20ms', '50ms'],
  },
  {
    group: 'Link',
    option: '--reorder',
    label: 'Reordered',
    usual: '',
    none: 'none',
    values: ['', '0.1%', '0.5%', '1%', '2%', '5%'],
  },
  {
    group: 'Messages',
    of: 'messages',
    option: '--flows',
    label: 'Flows',
    usual: '8',
    values: ['1', '2', '4', '8', '16', '32', '64', '128'],
  },
  {
    group: 'Messages',
    of: 'messages',
    option: '-i',
    label: 'One message every',
    usual: '10ms',
    values: ['1ms', '2ms', '5ms', '10ms', '20ms', '50ms', '100ms'],
  },
  {
    group: 'Messages',
    option: '-l',
    label: 'Bytes of a message',
    usual: '1000',
    values: ['40', '100', '200', '500', '1000', '1200', '2000', '5000', '10000', '50000'],
  },
  {
    group: 'Messages',
    of: 'video',
    option: '--playout',
    label: 'Shown after',
    usual: '150ms',
    values: ['50ms', '80ms', '100ms', '150ms', '200ms', '300ms', '500ms', '1s'],
  },
  {
    group: 'Messages',
    option: '-d',
    label: 'Measured time',
    usual: null,
    values: ['1s', '2s', '5s', '10s', '20s', '30s', '60s'],
  },
  { group: 'Seeds', option: '--seeds', label: 'Seeds', usual: null, values: ['1', '2', '3', '5', '10', '20', '30'] },
  { group: 'Seeds', option: '--seed', label: 'First seed', usual: '1', values: null },
];

// What is sent, by the word of `--workload`.
const WORKLOADS = [
  ['', 'messages with replies'],
  ['video', 'the frames of a video call'],
  ['game', 'the updates of a game'],
];

const LONG = { '--transport': '-t', '--congestion': '-C', '--interval': '-i', '--duration': '-d', '--length': '-l' };
// What a preset sets.
const LINK_OF_PRESET = ['--rtt', '--loss', '--rate', '--queue'];
const FLAGS = ['--keep-order', '--drop-late'];

// The parts of a command line: the command, its options by name, and what has no control.
export function parse(line) {
  const [command = 'hol', ...words] = split(line);
  const options = new Map();
  const rest = [];
  const known = [...FIELDS.map(field => field.option), '-t', '-C', '--path', '--preset', '--workload'];
  while (words.length) {
    const word = words.shift();
    const option = LONG[word] ?? word;
    if (known.includes(option)) options.set(option, words.shift() ?? '');
    else if (FLAGS.includes(option) || !words.length) rest.push(word);
    else rest.push(word, words.shift());
  }
  return { command: command === 'bench' ? 'bench' : 'hol', options, rest };
}

const UNITS = { '': 1, p: 1, '%': 1, ns: 1e-6, us: 1e-3, ms: 1, s: 1e3, m: 6e4, kbit: 1e3, mbit: 1e6, gbit: 1e9 };

// The place among the usual values that is nearest to a value.
function nearest(values, value) {
  const exact = values.indexOf(value);
  const size = text => {
    const [, number, unit] = text.match(/^([\d.]+)(\D*)$/) ?? [];
    return Number(number) * UNITS[unit?.toLowerCase()];
  };
  if (exact >= 0 || !Number.isFinite(size(value))) return Math.max(0, exact);
  const distance = other => (other === '' ? Infinity : Math.abs(Math.log((size(other) + 1e-3) / (size(value) + 1e-3))));
  return values.reduce((best, other, index) => (distance(other) < distance(values[best]) ? index : best), 0);
}

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
    return join([...words, ...rest]);
  }

  set(option, value) {
    if (value) this.parts.options.set(option, value);
    else this.parts.options.delete(option);
    this.changed(this.line);
  }

  build() {
    const groups = new Map(
      ['Link', 'Messages', 'Transports', 'Seeds'].map(name => [name, el('fieldset', {}, el('legend', {}, name))]),
    );
    groups.get('Link').append(this.preset());
    groups.get('Messages').append(this.workload());
    for (const field of FIELDS)
      if (!field.of || field.of === this.sent) groups.get(field.group).append(this.field(field));
    groups.get('Transports').append(...this.transports());
    groups.get('Seeds').append(...this.more());
    this.form.replaceChildren(...groups.values());
  }

  // What is sent: messages, video or game.
  get sent() {
    return this.parts.options.get('--workload')?.split(':')[0] || 'messages';
  }

  // A slider over usual values, and a text field that takes any.
  field({ option, label, usual, none, values }) {
    const id = `${this.place}${option}`;
    const { options } = this.parts;
    const isSetElsewhere =
      (options.get('--preset') && LINK_OF_PRESET.includes(option)) || (option === '-l' && this.sent !== 'messages');
    const current = () => options.get(option) ?? (isSetElsewhere ? '' : (usual ?? ''));
    const text = el('input', {
      id,
      type: 'text',
      class: 'value',
      value: current(),
      placeholder: none ?? 'default',
      autocomplete: 'off',
      spellcheck: 'false',
      size: 7,
    });
    const apply = value => {
      text.value = value;
      this.set(option, value.trim());
    };
    const shown = value => value || none || 'default';
    text.addEventListener('change', () => {
      const value = text.value.trim();
      if (slider) {
        slider.value = nearest(values, value);
        slider.setAttribute('aria-valuetext', shown(value));
      }
      this.set(option, value);
    });
    const slider =
      values
      && el('input', {
        type: 'range',
        min: 0,
        max: values.length - 1,
        step: 1,
        'aria-label': label,
        value: nearest(values, current()),
        'aria-valuetext': shown(current()),
        input: event => {
          const value = values[event.target.value];
          event.target.setAttribute('aria-valuetext', shown(value));
          apply(value);
        },
      });
    return el('div', { class: 'field' }, el('label', { for: id }, label), text, slider);
  }

  select(option, label, choices) {
    const id = `${this.place}${option}`;
    const current = this.parts.options.get(option) ?? '';
    const all = choices.some(([value]) => value === current) ? choices : [...choices, [current, current]];
    const select = el(
      'select',
      { id, change: event => this.set(option, event.target.value) },
      ...all.map(([value, text]) => el('option', { value, selected: value === current }, text)),
    );
    return el('div', { class: 'field' }, el('label', { for: id }, label), select);
  }

  preset() {
    const choices = this.about.presets.map(preset => [preset.name, `${preset.name}: ${preset.words}`]);
    const field = this.select('--preset', 'Like', [['', 'my own figures'], ...choices]);
    // A preset sets the link, so figures of another link give way.
    field.querySelector('select').addEventListener('change', () => {
      for (const option of LINK_OF_PRESET) this.parts.options.delete(option);
      this.build();
      this.changed(this.line);
      this.form.querySelector(`[id="${this.place}--preset"]`).focus();
    });
    return field;
  }

  workload() {
    const field = this.select('--workload', 'Sends', WORKLOADS);
    // A call and a game have their own sizes and instants, and `bench` measures them.
    field.querySelector('select').addEventListener('change', () => {
      for (const { option, of } of FIELDS) if (of || option === '-l') this.parts.options.delete(option);
      if (this.sent !== 'messages') this.parts.command = 'bench';
      this.build();
      this.changed(this.line);
      this.form.querySelector(`[id="${this.place}--workload"]`).focus();
    });
    return field;
  }

  transports() {
    const path = this.parts.options.get('--path') ?? 'sim';
    const chosen = (this.parts.options.get('-t') ?? '').split(',');
    const isOn = name =>
      chosen.includes(name)
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
        change: () => this.choose(),
      });
      return el(
        'label',
        { class: can ? 'choice' : 'choice cannot', for: id, title: can ? words : `not on ${path}` },
        box,
        ' ',
        name,
      );
    });
    this.choices = el('div', { class: 'choices', role: 'group', 'aria-label': 'Transports' }, ...boxes);
    const reasons = new Map();
    for (const { name, refused } of this.about.transports)
      if (refused[path]) reasons.set(refused[path], [...(reasons.get(refused[path]) ?? []), name]);
    const missing = [...reasons].map(([reason, names]) =>
      el(
        'p',
        { class: 'note' },
        `Not here: ${names.join(', ')}. ${reason[0].toUpperCase()}${reason.slice(1).replaceAll('`', '')}.`,
      ),
    );
    const congestion = this.about.congestion.map(name => [name, name]);
    const usual = this.parts.command === 'hol' ? 'fixed' : 'cubic';
    const paths = { sim: 'virtual time', relay: 'real time, loopback', netns: 'real time, kernel TCP too' };
    const fields = [
      this.choices,
      ...missing,
      this.select('-C', 'Congestion control', [['', `default (${usual})`], ...congestion]),
    ];
    if (this.about.paths.length > 1) {
      const field = this.select(
        '--path',
        'Path',
        this.about.paths.map(name => [name === 'sim' ? '' : name, `${name}: ${paths[name]}`]),
      );
      field.querySelector('select').addEventListener('change', () => {
        this.build();
        this.form.querySelector(`[id="${this.place}--path"]`).focus();
      });
      fields.push(field);
    }
    return fields;
  }

  choose() {
    const names = [...this.choices.querySelectorAll('input:checked')].map(box => box.value);
    if (names.length) this.set('-t', names.join(','));
  }

  more() {
    const command = this.commandField();
    const id = `${this.place}-more`;
    const text = el('input', {
      id,
      type: 'text',
      value: join(this.parts.rest),
      placeholder: '--to-client loss=0%',
      autocomplete: 'off',
      spellcheck: 'false',
      change: event => {
        this.parts.rest = split(event.target.value);
        this.changed(this.line);
      },
    });
    return [command, el('div', { class: 'field wide' }, el('label', { for: id }, 'More options'), text)];
  }

  commandField() {
    const id = `${this.place}-command`;
    const select = el(
      'select',
      {
        id,
        change: event => {
          this.parts.command = event.target.value;
          this.build();
          this.changed(this.line);
          this.form.querySelector(`[id="${id}"]`).focus();
        },
      },
      ...[
        ['hol', 'hol: who waits for whom'],
        ['bench', 'bench: latency and loss'],
      ].map(([value, words]) => el('option', { value, selected: value === this.parts.command }, words)),
    );
    return el('div', { class: 'field' }, el('label', { for: id }, 'Command'), select);
  }
}

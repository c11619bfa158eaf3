// The settings with a slider, and what can be sent. `help` is for readers who do not know the words.

// Options with a control: the option, its label, its help, the workloads that have it, and for a slider its values.
export const FIELDS = [
  {
    group: 'Link',
    option: '--rtt',
    label: 'Round trip',
    help: 'Time for a packet to the server and an answer back, on an empty link.',
    usual: '50ms',
    values: ['0ms', '2ms', '5ms', '10ms', '20ms', '30ms', '50ms', '80ms', '100ms', '150ms', '200ms', '300ms', '600ms'],
  },
  {
    group: 'Link',
    option: '--loss',
    label: 'Loss each way',
    help: 'Share of packets that the link drops, in each direction.',
    usual: '1%',
    values: ['0%', '0.1%', '0.2%', '0.5%', '1%', '1.5%', '2%', '3%', '5%', '8%', '10%', '15%', '20%'],
  },
  {
    group: 'Link',
    option: '--rate',
    label: 'Rate',
    help: 'How fast the bottleneck sends. Packets that come faster wait in its queue.',
    usual: '',
    none: 'unlimited',
    values: ['', '100mbit', '50mbit', '20mbit', '10mbit', '5mbit', '2mbit', '1mbit', '500kbit'],
  },
  {
    group: 'Link',
    option: '--queue',
    label: 'Queue',
    help: 'Room for packets (20p) or bytes (128KB) that wait for the rate. A full queue drops packets.',
    usual: '',
    none: 'unlimited',
    values: ['', '5p', '10p', '20p', '50p', '100p', '1000p'],
  },
  {
    group: 'Link',
    option: '--jitter',
    label: 'Jitter',
    help: 'How much the delay varies from packet to packet.',
    usual: '',
    none: 'none',
    values: ['', '1ms', '2ms', '5ms', '10ms', '20ms', '50ms'],
  },
  {
    group: 'Link',
    option: '--reorder',
    label: 'Reordered',
    help: 'Share of packets that arrive without the delay, so they overtake others.',
    usual: '',
    none: 'none',
    values: ['', '0.1%', '0.5%', '1%', '2%', '5%'],
  },
  {
    group: 'Messages',
    of: ['messages'],
    option: '--flows',
    label: 'Flows',
    help: 'Independent sequences of messages on one connection. Messages go to them in turn.',
    usual: '8',
    values: ['1', '2', '4', '8', '16', '32', '64', '128'],
  },
  {
    group: 'Messages',
    of: ['messages'],
    option: '-i',
    label: 'One message every',
    help: 'Time from one message to the next, over all flows.',
    usual: '10ms',
    values: ['1ms', '2ms', '5ms', '10ms', '20ms', '50ms', '100ms'],
  },
  {
    group: 'Messages',
    of: ['messages', 'video', 'game'],
    option: '-l',
    label: 'Bytes of a message',
    help: 'Replies have the same. More than about 1,200 bytes need several packets.',
    usual: '1000',
    values: ['40', '100', '200', '500', '1000', '1200', '2000', '5000', '10000', '50000'],
  },
  {
    group: 'Messages',
    of: ['video'],
    option: '--playout',
    label: 'Shown after',
    help: 'A frame must be complete this long after it was sent, or it is not shown.',
    usual: '150ms',
    values: ['50ms', '80ms', '100ms', '150ms', '200ms', '300ms', '500ms', '1s'],
  },
  {
    group: 'Messages',
    of: ['page'],
    option: '--loads',
    label: 'Loads of a seed',
    help: 'The page is loaded this often, one load after another, each over new connections.',
    usual: '5',
    values: ['1', '2', '5', '10', '20'],
  },
  {
    group: 'Messages',
    of: ['messages', 'video', 'game'],
    option: '-d',
    label: 'Measured time',
    help: 'Length of each run, after a second of warm-up.',
    usual: null,
    values: ['1s', '2s', '5s', '10s', '20s', '30s', '60s'],
  },
  {
    group: 'Seeds',
    option: '--seeds',
    label: 'Seeds',
    help: 'Number of runs, each with other random losses. More runs make the figures surer.',
    usual: null,
    values: ['1', '2', '3', '5', '10', '20', '30'],
  },
  {
    group: 'Seeds',
    option: '--seed',
    label: 'First seed',
    help: 'The same seed gives the same losses, and the same figures.',
    usual: '1',
    values: null,
  },
];

// What is sent, by the word of `--workload`.
export const WORKLOADS = [
  ['', 'messages with replies'],
  ['video', 'the frames of a video call'],
  ['game', 'the updates of a game'],
  ['page', 'a web page'],
];

// What a preset sets.
export const LINK_OF_PRESET = ['--rtt', '--loss', '--rate', '--queue'];

const UNITS = { '': 1, p: 1, '%': 1, ns: 1e-6, us: 1e-3, ms: 1, s: 1e3, m: 6e4, kbit: 1e3, mbit: 1e6, gbit: 1e9 };

// The size of a value; a time in milliseconds.
export function size(text) {
  const [, number, unit] = text.match(/^([\d.]+)(\D*)$/) ?? [];
  return Number(number) * UNITS[unit?.toLowerCase()];
}

// The place among the usual values that is nearest to a value.
export function nearest(values, value) {
  const exact = values.indexOf(value);
  if (exact >= 0 || !Number.isFinite(size(value))) return Math.max(0, exact);
  const distance = other => (other === '' ? Infinity : Math.abs(Math.log((size(other) + 1e-3) / (size(value) + 1e-3))));
  return values.reduce((best, other, index) => (distance(other) < distance(values[best]) ? index : best), 0);
}

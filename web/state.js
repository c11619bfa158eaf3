// What is seen, as the part of the address after `#`: a configuration is its command line, so a link holds all of it.

export const DEFAULT = 'hol -t udp,arq-selective,quic-one,quic-message,quic-datagram -d 10s --seeds 1';

// The words of a command line. A value with spaces stands in single quotes.
export const split = line => [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain);

export const join = words => words.map(word => (/^[\w%:.,=/+-]+$/.test(word) ? word : `'${word}'`)).join(' ');

export function read(hash = location.hash) {
  const given = new URLSearchParams(hash.replace(/^#/, ''));
  const lines = ['a', 'b'].map(name => given.get(name)).filter(line => line);
  const lesson = Number.parseInt(given.get('lesson'), 10);
  // The transport may have its controller behind it.
  const [place, ...words] = (given.get('ladder') ?? '').split(' ');
  const [seed, which] = words.splice(-2);
  const transport = words.join(' ');
  return {
    lines: lines.length ? lines : [DEFAULT],
    view: given.has('lesson') ? 'tour' : 'lab',
    lesson: lesson > 0 ? lesson - 1 : 0,
    ladder: which ? { place: place === 'b' ? 1 : 0, transport, seed: Number(seed) || 0, which } : null,
  };
}

export function write(state) {
  const parts = [];
  // What an address may hold as it is stays readable.
  const readable = { '%20': '+', '%2C': ',', '%3A': ':', '%3D': '=' };
  const encoded = value => encodeURIComponent(value).replace(/%(20|2C|3A|3D)/g, code => readable[code]);
  const add = (name, value) => parts.push(`${name}=${encoded(value)}`);
  if (state.view === 'tour') add('lesson', state.lesson + 1);
  state.lines.forEach((line, index) => add('ab'[index], line));
  const { ladder } = state;
  if (ladder) add('ladder', ['ab'[ladder.place], ladder.transport, ladder.seed, ladder.which].join(' '));
  history.replaceState(null, '', `#${parts.join('&')}`);
}

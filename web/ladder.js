// An episode packet by packet: time runs down, packets travel between the ends, messages wait until they are released.
import { button, el, isTouch, prefersStill, svg, time } from 'lab/dom.js';

const PACKET = 22;
// Drawn seconds of a whole episode at normal speed.
const SHOWN_MS = 6000;
// How much of its way a lost packet goes.
const LOST = 0.7;

const FATES = {
  lost: 'a packet with its bytes was lost, and they were sent again',
  overtaken: 'later packets overtook it',
  sent_late: 'it was sent after the messages that waited for it',
  gone: 'it was lost, and this transport does not send again',
  unharmed: 'it arrived with the first packet that carried it',
};

// The ladder of an episode. `close` closes it.
export function ladder(episode, name, close) {
  // A phone has less room beside the two ends.
  const [LEFT, SPAN, WIDTH, APART] = innerWidth < 600 ? [90, 160, 340, 7] : [150, 300, 640, 11];
  const instants = [
    ...episode.packets.flatMap(packet => [packet.entered_ns, packet.arrives_ns]),
    ...episode.waits.flatMap(wait => [wait.arrived_ns, wait.released_ns]),
  ];
  const [from, to] = [Math.min(...instants), Math.max(...instants)];
  const length = Math.max(1, to - from);
  let zoom = 1;
  const height = () => Math.min(1600, Math.max(300, episode.packets.length * PACKET)) * zoom;
  const y = at => 46 + ((at - from) / length) * (height() - 70);
  const end = which => (which === 'client' ? LEFT : LEFT + SPAN);
  const subject = episode.subject.message;
  const drawing = svg('svg', {
    class: 'ladder',
    role: 'img',
    'aria-label': `Packet ladder of message ${subject.number} on ${name}. The list of events below has the same.`,
  });
  const info = el('p', { class: 'info', 'aria-live': 'polite' }, `${isTouch() ? 'Tap' : 'Point at'} a packet, or step through the events.`);
  const events = eventsOf(episode, from);
  let parts = [];
  let now = to;

  function draw() {
    drawing.replaceChildren();
    drawing.setAttribute('viewBox', `0 0 ${WIDTH} ${height()}`);
    drawing.style.minHeight = `${height() * 0.9}px`;
    parts = [];
    const text = (x, top, words, anchor = 'middle', extra = {}) =>
      svg('text', { x, y: top, 'text-anchor': anchor, ...extra }, words);
    for (const which of ['client', 'server']) {
      drawing.append(
        text(end(which), 18, which, 'middle', { class: 'name' }),
        svg('line', { class: 'life', x1: end(which), x2: end(which), y1: 28, y2: height() - 10 }),
      );
    }
    episode.waits.forEach((wait, index) => drawWait(wait, index));
    const rows = Math.min(8, Math.max(2, Math.floor(height() / 90)));
    for (let row = 0; row <= rows; row += 1) {
      const at = from + (length * row) / rows;
      drawing.append(text(4, y(at) + 4, row ? `+${time(Math.round(at - from))}` : '0', 'start', { class: 'instant' }));
    }
    if (episode.waits.length) {
      const { waits, at } = episode;
      const words = waits.length > 1 ? `${waits.length} wait` : `${waits[0].message.number} waits`;
      const [x, anchor] = at === 'server' ? [end(at) + 10, 'start'] : [end(at) - 10, 'end'];
      drawing.append(
        text(x, y(Math.min(...waits.map(wait => wait.arrived_ns))) - 8, words, anchor, { class: 'waiting' }),
      );
    }
    episode.packets.forEach(packet => drawPacket(packet));
    show(now);
  }

  function drawWait(wait, index) {
    const side = episode.at === 'server' ? 1 : -1;
    const x = end(episode.at) + side * (14 + (index % 10) * APART);
    const bar = svg('rect', {
      class: 'wait',
      x: x - 3,
      y: y(wait.arrived_ns),
      width: 6,
      height: Math.max(2, y(wait.released_ns) - y(wait.arrived_ns)),
      rx: 2,
    });
    const waited = time(wait.released_ns - wait.arrived_ns);
    bar.append(svg('title', {}, `Message ${wait.message.number} waited ${waited}`));
    const message = `Message ${wait.message.number} of flow ${wait.message.flow}`;
    const [arrived, released] = [wait.arrived_ns, wait.released_ns].map(at => time(at - from));
    const words = `${message} is complete at +${arrived}, and is released at +${released}: it waited ${waited}`;
    bar.addEventListener('pointerenter', () => tell(words));
    drawing.append(bar);
    parts.push(at => {
      const until = Math.min(at, wait.released_ns);
      bar.setAttribute('height', Math.max(0, y(until) - y(wait.arrived_ns)));
      bar.classList.toggle('released', at >= wait.released_ns);
      bar.style.display = at < wait.arrived_ns ? 'none' : '';
    });
  }

  function drawPacket(packet) {
    const isAck = !packet.carries.length;
    const again = packet.carries.some(carries => carries.again);
    const ofSubject = packet.carries.some(carries => carries.message.number === subject.number);
    const [x1, x2] = packet.from === 'client' ? [LEFT, LEFT + SPAN] : [LEFT + SPAN, LEFT];
    const kind = [
      'packet',
      isAck && 'ack',
      packet.lost && 'lost',
      again && 'again',
      packet.resent === 'needless' && 'needless',
      ofSubject && 'subject',
    ]
      .filter(Boolean)
      .join(' ');
    const group = svg('g', { class: kind });
    const line = svg('line', { x1, y1: y(packet.entered_ns), x2, y2: y(packet.arrives_ns) });
    const hit = svg('line', { class: 'hit', x1, y1: y(packet.entered_ns), x2, y2: y(packet.arrives_ns) });
    const head = svg('circle', { r: isAck ? 2.5 : 4.5 });
    const words = packetWords(packet, from);
    group.append(svg('title', {}, words), line, head, hit);
    if (packet.lost)
      group.append(
        svg(
          'text',
          {
            class: 'cross',
            x: x1 + (x2 - x1) * LOST,
            y: y(packet.entered_ns) + (y(packet.arrives_ns) - y(packet.entered_ns)) * LOST + 6,
            'text-anchor': 'middle',
          },
          '✕',
        ),
      );
    const label = packet.carries.map(carries => carries.message.number).join(', ');
    if (label) {
      const side = packet.from === 'client' ? -1 : 1;
      const mark = svg(
        'text',
        { class: 'carries', x: x1 + side * 8, y: y(packet.entered_ns) + 4, 'text-anchor': side < 0 ? 'end' : 'start' },
        label.length > 12 ? `${label.slice(0, 11)}…` : label,
      );
      if (episode.at !== packet.from || !episode.waits.length) group.append(mark);
    }
    group.addEventListener('pointerenter', () => tell(words));
    group.addEventListener('click', () => tell(words));
    drawing.append(group);
    const whole = packet.lost ? LOST : 1;
    parts.push(at => {
      const way = Math.min(
        whole,
        Math.max(0, (at - packet.entered_ns) / Math.max(1, packet.arrives_ns - packet.entered_ns)),
      );
      const [x, top] = [
        x1 + (x2 - x1) * way,
        y(packet.entered_ns) + (y(packet.arrives_ns) - y(packet.entered_ns)) * way,
      ];
      line.setAttribute('x2', x);
      line.setAttribute('y2', top);
      head.setAttribute('cx', x);
      head.setAttribute('cy', top);
      group.style.display = at < packet.entered_ns ? 'none' : '';
      group.classList.toggle('moving', way < whole);
      group.classList.toggle('ended', way >= whole);
    });
  }

  const tell = words => {
    info.textContent = words;
  };
  const scrub = el('input', {
    type: 'range',
    min: 0,
    max: 1000,
    value: 1000,
    'aria-label': 'Instant of the episode',
    input: event => {
      pause();
      show(from + (length * event.target.value) / 1000);
    },
  });
  function show(at) {
    now = at;
    parts.forEach(part => part(at));
    scrub.value = Math.round(((at - from) / length) * 1000);
    scrub.setAttribute('aria-valuetext', `+${time(Math.round(at - from))}`);
  }

  let frame = null;
  const speed = el(
    'select',
    { 'aria-label': 'Speed' },
    ...[
      ['0.25', 'slow'],
      ['0.5', 'half'],
      ['1', 'normal'],
      ['2', 'double'],
    ].map(([value, words]) => el('option', { value, selected: value === '1' }, words)),
  );
  const playing = button('▶ Play', () => (frame ? pause() : play()));
  function pause() {
    cancelAnimationFrame(frame);
    frame = null;
    playing.textContent = '▶ Play';
  }
  function play() {
    if (now >= to) show(from);
    playing.textContent = '❚❚ Pause';
    let last = performance.now();
    const tick = instant => {
      // The page may have dropped this ladder.
      if (!drawing.isConnected) return pause();
      show(Math.min(to, now + ((instant - last) / SHOWN_MS) * length * Number(speed.value)));
      last = instant;
      if (now >= to) return pause();
      frame = requestAnimationFrame(tick);
    };
    frame = requestAnimationFrame(tick);
  }
  function step(direction) {
    pause();
    // A step from the end begins anew.
    if (direction > 0 && now >= to) now = from - 1;
    const next = direction > 0 ? events.find(event => event.at > now) : events.findLast(event => event.at < now);
    if (!next) return;
    show(next.at);
    tell(
      `+${time(next.at - from)}: ${events
        .filter(event => event.at === next.at)
        .map(event => event.words)
        .join('; ')}`,
    );
  }
  const enlarge = factor => {
    zoom = Math.min(8, Math.max(0.5, zoom * factor));
    draw();
  };

  const bar = el(
    'div',
    { class: 'tools', role: 'toolbar', 'aria-label': 'Ladder' },
    playing,
    button('Step back', () => step(-1)),
    button('Step', () => step(1)),
    speed,
    button('+', () => enlarge(1.5), { 'aria-label': 'Zoom in' }),
    button('−', () => enlarge(1 / 1.5), { 'aria-label': 'Zoom out' }),
    button('Rewind', () => {
      pause();
      show(from);
    }),
    button('Close', close),
    scrub,
  );
  const element = el(
    'section',
    {
      class: 'episode',
      'aria-label': `Packet ladder of ${name}`,
      tabindex: '-1',
      keydown: event => {
        if (event.key === 'Escape') close();
      },
    },
    el('h3', {}, `${name}, seed ${episode.seed}: message ${subject.number} of flow ${subject.flow}`),
    el('p', {}, sentence(episode)),
    bar,
    info,
    el('div', { class: 'scroll', tabindex: '0', role: 'group', 'aria-label': 'Ladder drawing' }, drawing),
    el(
      'p',
      { class: 'legend' },
      ...[
        ['packet', 'packet with messages'],
        ['again', 'sent again, dashed where needless'],
        ['lost', 'lost where the cross is'],
        ['ack', 'acknowledgement'],
        ['waits', 'message that waits, paler once it is released'],
        ['number', 'the message that a packet carries'],
      ].map(([kind, words]) =>
        el('span', {}, el('span', { class: `swatch k-${kind}`, 'aria-hidden': 'true' }), ` ${words} `),
      ),
    ),
    el(
      'details',
      {},
      el('summary', {}, `All ${events.length} events as a list`),
      el('ol', {}, ...events.map(event => el('li', {}, `+${time(event.at - from)}: ${event.words}`))),
    ),
  );
  element.start = () => {
    draw();
    if (!prefersStill()) play();
  };
  return element;
}

function packetWords(packet, from) {
  const other = packet.from === 'client' ? 'server' : 'client';
  const carried = packet.carries.map(
    ({ message, again }) =>
      `message ${message.number}${again ? (packet.resent === 'needless' ? ' again without need' : ' again') : ''}`,
  );
  const cargo =
    carried.length > 6
      ? `${carried.slice(0, 6).join(', ')} and ${carried.length - 6} more`
      : carried.join(', ') || 'no message (an acknowledgement or the like)';
  const fate = packet.lost ? 'is lost' : `arrives at +${time(packet.arrives_ns - from)}`;
  const found = packet.loss ? `; its sender ${verdict(packet.loss, from)}` : '';
  const frames = packet.frames ? `. Frames: ${packet.frames}` : '';
  const entered = `enters the link at +${time(packet.entered_ns - from)}`;
  return `Packet from ${packet.from} to ${other} with ${cargo}: ${entered} and ${fate}${found}${frames}`;
}

function verdict({ arrived, at_ns: at, by }, from) {
  return `${arrived ? 'falsely' : 'rightly'} declared it lost at +${time(at - from)} (${by.replaceAll('_', ' ')})`;
}

function eventsOf(episode, from) {
  const list = [];
  for (const packet of episode.packets) {
    list.push({ at: packet.entered_ns, words: packetWords(packet, from) });
    if (packet.lost) continue;
    const carried = packet.carries.map(({ message }) => message.number).join(', ');
    const cargo = carried ? `the packet with message ${carried}` : 'a packet without a message';
    const end = packet.from === 'client' ? 'server' : 'client';
    list.push({ at: packet.arrives_ns, words: `${cargo} arrives at the ${end}` });
  }
  for (const wait of episode.waits) {
    list.push({
      at: wait.arrived_ns,
      words: `message ${wait.message.number} is complete at the ${episode.at} and has to wait`,
    });
    list.push({ at: wait.released_ns, words: `order releases message ${wait.message.number}` });
  }
  return list.sort((a, b) => a.at - b.at);
}

function sentence({ subject, waits, at }) {
  const { message, fate } = subject;
  const waited = waits.length ? Math.max(...waits.map(wait => wait.released_ns - wait.arrived_ns)) : 0;
  const others =
    waits.length === 1
      ? `one message, complete at the ${at}, waited`
      : `${waits.length} messages, complete at the ${at}, waited`;
  const meanwhile = waits.length
    ? `Meanwhile ${others} for it, up to ${time(waited)}.`
    : 'No other message had to wait for it.';
  return `Message ${message.number}: ${FATES[fate] ?? fate}. ${meanwhile}`;
}

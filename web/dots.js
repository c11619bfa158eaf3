// The run in time: a strip per transport, a dot per message, at its latency. A click on a dot opens its ladder.
import { button, colour, el, share, time } from 'lab/dom.js';

const HEIGHT = 92;
const LEFT = 58;
const TOP = 8;
const BOTTOM = 18;
// Figures that stretch the axis beyond this share of messages are drawn at its edge.
const MOST = 1.15;

const KINDS = {
  plain: { words: 'nothing delayed it', legend: 'not delayed', colour: '--edge', size: 1.6 },
  resent: { words: 'it was sent again', legend: 'sent again', colour: '--p2', size: 2.4 },
  own: {
    words: 'it waited for an earlier message of its own flow',
    legend: 'waited for its own flow',
    colour: '--p5',
    size: 2.4,
  },
  other: {
    words: 'it waited for a message of another flow',
    legend: 'waited for another flow',
    colour: '--p3',
    size: 2.4,
  },
  missing: { words: 'it was not delivered', legend: 'not delivered', colour: '--alarm', size: 3.2 },
};

// One listener for all strips: a list of media would keep those of earlier results in memory.
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
  for (const canvas of document.querySelectorAll('.strip canvas')) canvas.dispatchEvent(new Event('repaint'));
});

// The messages of a cell's timeline.
function messages(detail) {
  const kinds = new Map();
  for (const [kind, list] of [
    ['resent', detail.resent],
    ['own', detail.blocked_by_own],
    ['other', detail.blocked_by_other],
  ]) {
    for (const index of list) kinds.set(index, kind);
  }
  return detail.due_ns.map((due, index) => {
    const latency = detail.latency_ns[index];
    return {
      due,
      latency,
      number: detail.first_number + index,
      kind: latency == null ? 'missing' : (kinds.get(index) ?? 'plain'),
    };
  });
}

// The longest time that the strips of a result show.
export function highest(file) {
  const rows = file.cells.filter(cell => cell.pictures?.timeline);
  const all = rows.flatMap(cell => cell.pictures.timeline.detail.latency_ns).filter(value => value != null);
  return Math.max(1, ...rows.map(cell => cell.workload.deadline_ns ?? 0), ...all);
}

// The strips of all cells, with latencies up to `highest`. `open(cell, which)` opens a ladder.
export function dots(file, highest, open) {
  const rows = file.cells.filter(cell => cell.pictures?.timeline);
  const label = rowNames(file.cells);
  if (!rows.length) {
    // A call and a game have charts of their own.
    if (file.cells.some(cell => cell.video || cell.game)) return el('div');
    const reason = file.cells.find(cell => cell.pictures?.timeline_reason)?.pictures.timeline_reason;
    return el('p', { class: 'note' }, reason ?? 'There is no run to draw.');
  }
  const deadline = rows[0].workload.deadline_ns;
  const strips = rows.map(cell => strip(cell, label(cell), highest, open));
  const detail = rows[0].pictures.timeline.detail;
  const seed = rows[0].pictures.timeline.seed;
  const legend = el(
    'p',
    { class: 'legend' },
    ...Object.entries(KINDS).map(([kind, { legend: words, colour: name }]) =>
      el(
        'span',
        {},
        el('span', { class: `swatch m-${kind}`, style: `color:var(${name})`, 'aria-hidden': 'true' }),
        ` ${words} `,
      ),
    ),
    el('span', {}, el('span', { class: 'swatch tick', 'aria-hidden': 'true' }), ' the link dropped a packet '),
    deadline && deadline < highest
      ? el(
          'span',
          {},
          el('span', { class: 'swatch dash', 'aria-hidden': 'true' }),
          ` deadline: later is of no use (${time(deadline)})`,
        )
      : null,
  );
  return el(
    'div',
    { class: 'dots', 'data-highest': highest },
    el(
      'h2',
      {},
      `Seed ${seed}, second ${seconds(detail.from_ns, 1)} to ${seconds(detail.to_ns, 1)}: each dot is a message`,
    ),
    el(
      'p',
      { class: 'note' },
      'Click a dot, or use the arrow keys and Enter, to see what happened to it packet by packet.',
    ),
    ...strips,
    legend,
  );
}

// How a row is called: its transport, and its controller where several are compared.
export function rowNames(cells) {
  const several = new Set(cells.map(cell => cell.congestion).filter(Boolean)).size > 1;
  return cell => (several && cell.congestion ? `${cell.transport} ${cell.congestion}` : cell.transport);
}

function strip(cell, name, highest, open) {
  const { detail } = cell.pictures.timeline;
  const own = messages(detail);
  const canvas = el('canvas', { tabindex: '0', role: 'img', 'aria-label': summary(name, own) });
  const tip = el('output', { class: 'tip', hidden: true });
  const at = { index: null };
  const place = message => {
    const width = canvas.clientWidth - LEFT - 6;
    const x = LEFT + ((message.due - detail.from_ns) / (detail.to_ns - detail.from_ns)) * width;
    const y =
      message.latency == null
        ? TOP + 2
        : HEIGHT - BOTTOM - Math.min(MOST, message.latency / highest) * (HEIGHT - TOP - BOTTOM - 6);
    return [x, y];
  };
  const draw = () =>
    paint(canvas, own, place, { detail, highest, chosen: own[at.index], deadline: cell.workload.deadline_ns });
  const select = index => {
    at.index = index;
    const message = own[index];
    tip.hidden = !message;
    if (message) {
      tip.textContent = told(message);
      const [x] = place(message);
      tip.style.left = `${Math.min(Math.max(0, x - 100), Math.max(0, canvas.clientWidth - 230))}px`;
    }
    draw();
  };
  const nearest = event => {
    const box = canvas.getBoundingClientRect();
    const [px, py] = [event.clientX - box.left, event.clientY - box.top];
    let best = [Infinity, null];
    own.forEach((message, index) => {
      const [x, y] = place(message);
      // Delayed messages are easier to hit than the many that were not.
      const distance = Math.hypot(x - px, y - py) - (message.kind === 'plain' ? 0 : 6);
      if (distance < best[0]) best = [distance, index];
    });
    return best[0] < 24 ? best[1] : null;
  };
  canvas.addEventListener('pointermove', event => select(nearest(event)));
  canvas.addEventListener('pointerleave', () => {
    if (document.activeElement !== canvas) select(null);
  });
  canvas.addEventListener('click', event => {
    const index = nearest(event);
    if (index != null) open(cell, `seq=${own[index].number}`);
  });
  // The arrow keys go from one delayed message to the next.
  canvas.addEventListener('keydown', event => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step) {
      event.preventDefault();
      let index = at.index == null ? (step > 0 ? -1 : own.length) : at.index;
      do index += step;
      while (own[index] && own[index].kind === 'plain');
      if (own[index]) select(index);
    } else if (event.key === 'Enter' && at.index != null) open(cell, `seq=${own[at.index].number}`);
    else if (event.key === 'Escape') select(null);
  });
  new ResizeObserver(draw).observe(canvas);
  canvas.addEventListener('repaint', draw);
  const stall = cell.hol?.longest_stall;
  const most = stall
    ? button(`Longest stall: ${time(stall.duration_ns)}, ${stall.messages} waited`, () => open(cell, 'longest'), {
        class: 'link',
      })
    : button(
        own.some(message => message.kind === 'resent') ? 'Longest recovery' : 'A lost message',
        () => open(cell, 'longest'),
        { class: 'link' },
      );
  const has = own.some(message => message.kind !== 'plain');
  return el(
    'div',
    { class: 'strip' },
    el(
      'div',
      { class: 'name' },
      el('strong', {}, name),
      ' ',
      el('span', { class: 'note' }, `${share(cell.on_time_ratio)} on time`),
      ' ',
      has || stall ? most : null,
    ),
    el('div', { class: 'frame' }, canvas, tip),
  );
}

function told({ number, due, latency, kind }) {
  const reached = latency == null ? 'not delivered' : time(latency);
  const why = kind === 'plain' || kind === 'missing' ? '' : `; ${KINDS[kind].words}`;
  return `Message ${number}, due at ${seconds(due, 3)} s: ${reached}${why}`;
}

const seconds = (ns, digits) => (ns / 1e9).toFixed(digits);

function summary(name, own) {
  const count = kind => own.filter(message => message.kind === kind).length;
  const parts = ['resent', 'own', 'other', 'missing']
    .filter(kind => count(kind))
    .map(kind => `${count(kind)}: ${KINDS[kind].words}`);
  const delayed = parts.join('; ') || 'none was delayed';
  return `${name}: ${own.length} messages; ${delayed}. Arrow keys go through the delayed ones.`;
}

function paint(canvas, own, place, { detail, highest, chosen, deadline }) {
  const width = canvas.clientWidth;
  if (!width) return;
  const scale = devicePixelRatio || 1;
  [canvas.width, canvas.height] = [width * scale, HEIGHT * scale];
  const context = canvas.getContext('2d');
  context.scale(scale, scale);
  context.font = '11px system-ui, sans-serif';
  const [text, grid, edge, alarm] = ['--text', '--grid', '--edge', '--alarm'].map(colour);
  const level = ns => HEIGHT - BOTTOM - (ns / highest) * (HEIGHT - TOP - BOTTOM - 6);
  context.strokeStyle = grid;
  context.fillStyle = text;
  context.textAlign = 'right';
  for (const part of [0, 0.5, 1]) {
    const y = level(highest * part);
    context.beginPath();
    context.moveTo(LEFT, y);
    context.lineTo(width, y);
    context.stroke();
    context.fillText(part ? time(highest * part) : '0', LEFT - 5, y + 4);
  }
  if (deadline && deadline < highest) {
    context.strokeStyle = alarm;
    context.setLineDash([5, 4]);
    context.beginPath();
    context.moveTo(LEFT, level(deadline));
    context.lineTo(width, level(deadline));
    context.stroke();
    context.setLineDash([]);
  }
  const across = width - LEFT - 6;
  const x = ns => LEFT + ((ns - detail.from_ns) / (detail.to_ns - detail.from_ns)) * across;
  context.textAlign = 'center';
  const seconds = (detail.to_ns - detail.from_ns) / 1e9;
  const step =
    [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10].find(each => seconds / each <= Math.max(3, across / 70)) ?? 10;
  for (let at = Math.ceil(detail.from_ns / 1e9 / step) * step; at * 1e9 <= detail.to_ns; at += step) {
    const left = x(at * 1e9);
    if (left < width - 14) context.fillText(`${Number(at.toFixed(2))} s`, Math.max(LEFT + 8, left), HEIGHT - 4);
  }
  context.strokeStyle = edge;
  for (const drop of [...detail.dropped_to_server_ns, ...detail.dropped_to_client_ns]) {
    context.beginPath();
    context.moveTo(x(drop), HEIGHT - BOTTOM);
    context.lineTo(x(drop), HEIGHT - BOTTOM + 5);
    context.stroke();
  }
  for (const kind of Object.keys(KINDS)) {
    const { size } = KINDS[kind];
    context.fillStyle = context.strokeStyle = colour(KINDS[kind].colour);
    context.lineWidth = 1.5;
    for (const message of own) {
      if (message.kind !== kind) continue;
      const [left, top] = place(message);
      context.beginPath();
      // Kinds differ in form too: a cross, a square, a ring, a disc.
      if (kind === 'missing') {
        context.moveTo(left - 3, top - 3);
        context.lineTo(left + 3, top + 3);
        context.moveTo(left + 3, top - 3);
        context.lineTo(left - 3, top + 3);
        context.stroke();
      } else if (kind === 'resent') {
        context.rect(left - size, top - size, 2 * size, 2 * size);
        context.fill();
      } else if (kind === 'own') {
        context.arc(left, top, size, 0, 7);
        context.stroke();
      } else {
        context.arc(left, top, size, 0, 7);
        context.fill();
      }
    }
  }
  if (chosen) {
    const [left, top] = place(chosen);
    context.strokeStyle = text;
    context.lineWidth = 2;
    context.beginPath();
    context.arc(left, top, 7, 0, 7);
    context.stroke();
  }
}

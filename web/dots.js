// The run in time: a strip per transport, a dot per message, at its latency. A click on a dot opens its ladder.
import { button, el, isTouch, measured, share, time } from 'lab/dom.js';
import { KINDS, paint, scaled } from 'lab/paint.js';

// Figures that stretch the axis beyond this share of messages are drawn at its edge.
const MOST = 1.15;

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
    // Calls, games and pages have charts of their own.
    if (file.cells.some(cell => cell.video || cell.game || cell.pictures?.waterfall)) return el('div');
    const reason = file.cells.find(cell => cell.pictures?.timeline_reason)?.pictures.timeline_reason;
    return el('p', { class: 'note' }, reason ?? 'There is no run to draw.');
  }
  const deadline = rows[0].workload.deadline_ns;
  const moved = rows[0].migration;
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
      moved
        ? 'Ladders are drawn only for a client whose address stays the same.'
        : `${isTouch() ? 'Tap' : 'Click'} a dot, or use the arrow keys and Enter, to see what happened to it packet by packet.`,
    ),
    legend,
    ...strips,
  );
}

// How a row is called: its transport, and its controller where several are compared.
export function rowNames(cells) {
  const several = new Set(cells.map(cell => cell.congestion).filter(Boolean)).size > 1;
  return cell => (several && cell.congestion ? `${cell.transport} ${cell.congestion}` : cell.transport);
}

function strip(cell, name, highest, open) {
  const { detail } = cell.pictures.timeline;
  const moved = cell.migration;
  const own = messages(detail);
  const canvas = el('canvas', { tabindex: '0', role: 'img', 'aria-label': summary(name, own) });
  const tip = el('output', { class: 'tip', hidden: true });
  const at = { index: null };
  let scale = scaled(canvas, detail, highest);
  const place = message => [
    scale.x(message.due),
    message.latency == null ? scale.top + 2 : scale.y(Math.min(MOST * highest, message.latency)),
  ];
  const draw = () => {
    scale = scaled(canvas, detail, highest);
    paint(canvas, own, place, scale, { detail, moved, chosen: own[at.index], deadline: cell.workload.deadline_ns });
  };
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
    if (index != null && !moved) open(cell, `seq=${own[index].number}`);
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
    } else if (event.key === 'Enter' && at.index != null && !moved) open(cell, `seq=${own[at.index].number}`);
    else if (event.key === 'Escape') select(null);
  });
  new ResizeObserver(draw).observe(canvas);
  canvas.addEventListener('repaint', draw);
  const stall = cell.hol?.longest_stall;
  const most = stall
    ? button(`Longest stall: ${measured(stall.duration_ns)}, ${stall.messages} waited`, () => open(cell, 'longest'), {
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
      moved ? el('span', { class: 'note' }, gap(moved)) : null,
      (has || stall) && !moved ? most : null,
    ),
    el('div', { class: 'frame' }, canvas, tip),
  );
}

// How long a client was cut off when its address changed, as the report says it.
function gap({ gap_ns: { p50: longest } }) {
  return longest == null ? 'no message came back after the change' : `no reply for ${measured(longest)}`;
}

function told({ number, due, latency, kind }) {
  const reached = latency == null ? 'not delivered' : measured(latency);
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

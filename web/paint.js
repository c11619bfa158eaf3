// Draws a strip of the run in time on its canvas.
import { colour, time } from 'lab/dom.js';

export const KINDS = {
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
  missing: { words: 'it was not delivered', legend: 'not delivered', colour: '--alarm', size: 3 },
};

// The measures of a strip. They grow with the page's text, which is larger on a projector.
function measures() {
  const unit = parseFloat(getComputedStyle(document.documentElement).fontSize) / 16;
  return { unit, height: 92 * unit, left: 58 * unit, right: 6 * unit, top: 8 * unit, bottom: 18 * unit };
}

// Where an instant and a latency are in a strip as wide as its canvas is now.
export function scaled(canvas, { from_ns: from, to_ns: to }, highest) {
  const all = measures();
  const { unit, height, left, right, top, bottom } = all;
  const across = canvas.clientWidth - left - right;
  const x = ns => left + ((ns - from) / (to - from)) * across;
  const y = ns => height - bottom - (ns / highest) * (height - top - bottom - 6 * unit);
  return { ...all, across, highest, x, y };
}

// Draws messages at their places, and what belongs to them.
export function paint(canvas, own, place, scale, { detail, moved, chosen, deadline }) {
  const width = canvas.clientWidth;
  if (!width) return;
  const { unit, height } = scale;
  const ratio = devicePixelRatio || 1;
  [canvas.width, canvas.height] = [width * ratio, height * ratio];
  const context = canvas.getContext('2d');
  context.scale(ratio, ratio);
  context.font = `${11 * unit}px system-ui, sans-serif`;
  drawLatencies(context, width, scale, deadline);
  drawInstants(context, width, scale, detail);
  if (moved) drawMove(context, moved, detail, scale);
  for (const [kind, look] of Object.entries(KINDS)) {
    context.fillStyle = context.strokeStyle = colour(look.colour);
    context.lineWidth = 1.5 * unit;
    for (const message of own) if (message.kind === kind) drawMessage(context, kind, place(message), look.size * unit);
  }
  if (chosen) {
    const [left, top] = place(chosen);
    context.strokeStyle = colour('--text');
    context.lineWidth = 2;
    context.beginPath();
    context.arc(left, top, 7 * unit, 0, 7);
    context.stroke();
  }
}

// The axis of latencies, with the deadline.
function drawLatencies(context, width, { unit, left: start, highest, y: level }, deadline) {
  context.strokeStyle = colour('--grid');
  context.fillStyle = colour('--text');
  context.textAlign = 'right';
  for (const part of [0, 0.5, 1]) {
    const y = level(highest * part);
    context.beginPath();
    context.moveTo(start, y);
    context.lineTo(width, y);
    context.stroke();
    context.fillText(part ? time(highest * part) : '0', start - 5 * unit, y + 4 * unit);
  }
  if (deadline && deadline < highest) {
    context.strokeStyle = colour('--alarm');
    context.setLineDash([5, 4]);
    context.beginPath();
    context.moveTo(start, level(deadline));
    context.lineTo(width, level(deadline));
    context.stroke();
    context.setLineDash([]);
  }
}

// The axis of instants, with a mark where the link dropped a packet.
function drawInstants(context, width, { unit, height, left: start, bottom, across, x }, detail) {
  context.textAlign = 'center';
  const seconds = (detail.to_ns - detail.from_ns) / 1e9;
  const step =
    [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10].find(each => seconds / each <= Math.max(3, across / unit / 70)) ?? 10;
  for (let at = Math.ceil(detail.from_ns / 1e9 / step) * step; at * 1e9 <= detail.to_ns; at += step) {
    const left = x(at * 1e9);
    if (left < width - 14 * unit)
      context.fillText(`${Number(at.toFixed(2))} s`, Math.max(start + 8 * unit, left), height - 4 * unit);
  }
  context.strokeStyle = colour('--edge');
  for (const drop of [...detail.dropped_to_server_ns, ...detail.dropped_to_client_ns]) {
    context.beginPath();
    context.moveTo(x(drop), height - bottom);
    context.lineTo(x(drop), height - bottom + 5 * unit);
    context.stroke();
  }
}

// A message. Kinds differ in form too: a cross, a square, a ring, a disc.
function drawMessage(context, kind, [left, top], size) {
  context.beginPath();
  if (kind === 'missing') {
    context.moveTo(left - size, top - size);
    context.lineTo(left + size, top + size);
    context.moveTo(left + size, top - size);
    context.lineTo(left - size, top + size);
    context.stroke();
  } else if (kind === 'resent') {
    context.rect(left - size, top - size, 2 * size, 2 * size);
    context.fill();
  } else {
    context.arc(left, top, size, 0, 7);
    if (kind === 'own') context.stroke();
    else context.fill();
  }
}

// When the client's address changed: a line, or a band while it had no network.
function drawMove(context, { at_ns: at, outage_ns: outage }, { from_ns: from, to_ns: to }, scale) {
  const { unit, height, top, bottom, x } = scale;
  const until = at + (outage ?? 0);
  if (at > to || until < from) return;
  const [left, right] = [x(Math.max(at, from)), x(Math.min(until, to))];
  context.save();
  context.fillStyle = colour('--text');
  context.globalAlpha = outage ? 0.15 : 0.6;
  context.fillRect(left, top - 4 * unit, Math.max(1.5, right - left), height - bottom - top + 4 * unit);
  context.globalAlpha = 1;
  // Left of the middle there is room to the right of the line.
  const isEarly = at - from < (to - from) / 2;
  context.textAlign = isEarly ? 'left' : 'right';
  const words = outage ? 'no network' : 'new address';
  // Below the crosses of messages that were not delivered.
  context.fillText(words, isEarly ? right + 5 * unit : left - 5 * unit, top + 20 * unit);
  context.restore();
}

// Small helpers: elements, and figures as text.

// An element with attributes and children. A function as an attribute listens to the event of its name.
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') element.addEventListener(name, value);
    else if (value === true) element.setAttribute(name, '');
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.filter(child => child != null));
  return element;
}

export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes)) if (value != null) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

export const button = (text, click, attributes = {}) => el('button', { type: 'button', click, ...attributes }, text);

// Fits a part of a report into the page: links within the report are plain text, because the address holds the page's
// state.
export function fit(part) {
  for (const link of part.querySelectorAll('a[href^="#"]')) link.replaceWith(...link.childNodes);
}

const inUnit = ns =>
  ns < 1e3 ? [ns, 'ns'] : ns < 1e6 ? [ns / 1e3, 'us'] : ns < 1e9 ? [ns / 1e6, 'ms'] : [ns / 1e9, 's'];

// A duration in nanoseconds, with at most three significant digits.
export function time(ns) {
  const [value, unit] = inUnit(ns);
  return `${Number(value.toPrecision(3))} ${unit}`;
}

// A measured duration in nanoseconds as a report has it: with three significant digits.
export function measured(ns) {
  if (!ns) return '0 ms';
  const step = 10 ** Math.max(0, Math.floor(Math.log10(ns)) - 2);
  // Rounded before the unit is chosen: 999.9 us is 1.00 ms.
  const [value, unit] = inUnit(Math.round(ns / step) * step);
  return `${value.toFixed(unit === 'ns' || value >= 100 ? 0 : value >= 10 ? 1 : 2)} ${unit}`;
}

export const share = ratio => (ratio == null ? '-' : `${Number((ratio * 100).toPrecision(3))}%`);

// Saves text as a file of the reader's.
export function save(name, kind, text) {
  const url = URL.createObjectURL(new Blob([text], { type: kind }));
  const link = el('a', { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}

// Says something to the reader, in a line that screen readers announce.
let silence;
export function say(text) {
  const line = document.getElementById('said');
  line.textContent = text;
  clearTimeout(silence);
  silence = setTimeout(() => {
    line.textContent = '';
  }, 6000);
}

export async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text);
    say(`${what} copied`);
  } catch {
    // Without permission, the reader copies it.
    prompt(`Copy the ${what.toLowerCase()}:`, text);
  }
}

// The value of a colour of the style sheet.
export const colour = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

export const prefersStill = () => matchMedia('(prefers-reduced-motion: reduce)').matches;

export const isTouch = () => matchMedia('(pointer: coarse)').matches;

// Inputs with a label and help. Help is shown on demand, and always read by screen readers.
import { el } from 'lab/dom.js';
import { nearest } from 'lab/fields.js';

export const hint = (id, help) => el('p', { class: 'hint', id: `${id}-hint` }, help);

// A text field that takes any value, over usual values a slider. `set` hears a new value.
export function value({ id, label, help, current, none, values, set }) {
  const shown = value => value || none || 'default';
  const text = el('input', {
    id,
    type: 'text',
    class: 'value',
    value: current,
    placeholder: none ?? 'default',
    'aria-describedby': `${id}-hint`,
    autocomplete: 'off',
    spellcheck: 'false',
    size: 7,
    change: () => {
      const value = text.value.trim();
      if (slider) {
        slider.value = nearest(values, value);
        slider.setAttribute('aria-valuetext', shown(value));
      }
      set(value);
    },
  });
  const slider =
    values
    && el('input', {
      type: 'range',
      min: 0,
      max: values.length - 1,
      step: 1,
      'aria-label': label,
      value: nearest(values, current),
      'aria-valuetext': shown(current),
      input: event => {
        text.value = values[event.target.value];
        event.target.setAttribute('aria-valuetext', shown(text.value));
        set(text.value);
      },
    });
  return el('div', { class: 'field' }, el('label', { for: id }, label), text, slider, hint(id, help));
}

// A choice of one. `choices` are pairs of a value and its words.
export function select({ id, label, help, current, choices, set }) {
  const all = choices.some(([value]) => value === current) ? choices : [...choices, [current, current]];
  const input = el(
    'select',
    { id, 'aria-describedby': `${id}-hint`, change: event => set(event.target.value) },
    ...all.map(([value, words]) => el('option', { value, selected: value === current }, words)),
  );
  return el('div', { class: 'field' }, el('label', { for: id }, label), input, hint(id, help));
}

// A text field over the whole width.
export function line({ id, label, help, current, placeholder, set }) {
  const input = el('input', {
    id,
    type: 'text',
    value: current,
    placeholder,
    'aria-describedby': `${id}-hint`,
    autocomplete: 'off',
    spellcheck: 'false',
    change: event => set(event.target.value.trim()),
  });
  return el('div', { class: 'field wide' }, el('label', { for: id }, label), input, hint(id, help));
}

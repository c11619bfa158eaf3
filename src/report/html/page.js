'use strict';
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  // Tables: a click on a title sorts by its column, empty figures last.
  for (const table of all('table')) {
    all('thead th', table).forEach((title, column) => {
      const button = document.createElement('button');
      button.type = 'button';
      button.textContent = title.textContent;
      title.replaceChildren(button);
      button.addEventListener('click', () => {
        const ascending = title.getAttribute('aria-sort') === 'descending' || (column === 0 && !title.hasAttribute('aria-sort'));
        all('thead th', table).forEach(other => other.removeAttribute('aria-sort'));
        title.setAttribute('aria-sort', ascending ? 'ascending' : 'descending');
        const key = row => row.cells[column].dataset.sort;
        const sign = ascending ? 1 : -1;
        const compare = (a, b) => {
          if (column === 0) return sign * a.cells[0].textContent.localeCompare(b.cells[0].textContent);
          const [x, y] = [key(a), key(b)];
          if (x === undefined || y === undefined) return (x === undefined) - (y === undefined);
          return sign * (x - y);
        };
        table.tBodies[0].append(...[...table.tBodies[0].rows].sort(compare));
      });
    });
  }

  // Keys: a click switches off what they stand for.
  for (const key of all('.key[data-toggles]')) {
    const chart = key.closest('svg');
    key.setAttribute('role', 'button');
    key.setAttribute('tabindex', '0');
    key.setAttribute('aria-pressed', 'true');
    const toggle = () => {
      const shown = key.getAttribute('aria-pressed') === 'false';
      key.setAttribute('aria-pressed', shown);
      all('.' + key.dataset.toggles, chart).forEach(part => part.classList.toggle('off', !shown));
    };
    key.addEventListener('click', toggle);
    key.addEventListener('keydown', event => {
      if (event.key === 'Enter' || event.key === ' ') { event.preventDefault(); toggle(); }
    });
  }
  for (const chart of all('svg[role=img]')) if (chart.querySelector('.key[role]')) chart.setAttribute('role', 'group');

  // Hover: the title of a mark, or the figures of the nearest line.
  const tip = document.createElement('div');
  tip.className = 'tip off';
  // What it says is in the text alternative too.
  tip.setAttribute('aria-hidden', 'true');
  document.body.append(tip);
  const time = ns => ns < 1e3 ? ns + ' ns' : ns < 1e6 ? ns / 1e3 + ' us' : ns < 1e9 ? ns / 1e6 + ' ms' : ns / 1e9 + ' s';
  const show = (text, event) => {
    tip.textContent = text;
    tip.classList.remove('off');
    const [width, height] = [tip.offsetWidth, tip.offsetHeight];
    tip.style.left = Math.max(4, Math.min(event.clientX + 14, innerWidth - width - 4)) + 'px';
    tip.style.top = Math.max(4, event.clientY > innerHeight / 2 ? event.clientY - height - 12 : event.clientY + 16) + 'px';
  };
  const points = new Map();
  const steps = line => {
    if (!points.has(line)) {
      const numbers = line.dataset.points.split(' ').map(Number);
      const path = line.querySelector('path.stroke').getAttribute('d');
      const places = [...path.matchAll(/H([-\d.]+)V([-\d.]+)/g)].map(match => [Number(match[1]), Number(match[2])]);
      points.set(line, places.map(([x, y], index) => ({ x, y, ns: numbers[2 * index], share: numbers[2 * index + 1] })));
    }
    return points.get(line);
  };
  // Messages in time: instants and latencies are in microseconds, the scales in nanoseconds.
  const messages = new Map();
  const placed = dots => {
    if (!messages.has(dots)) {
      const { due, latency, x, y } = dots.dataset;
      const latencies = latency.split(',');
      const [first, step] = due.split('+').map(Number);
      const instants = due.includes('+') ? latencies.map((_, index) => first + index * step) : due.split(' ').map(Number);
      const scale = (text, warp) => {
        const [low, high, from, to] = text.split(' ').map(Number);
        return value => from + (warp(value) - warp(low)) / (warp(high) - warp(low)) * (to - from);
      };
      const [across, up] = [scale(x, Number), scale(y, Math.log)];
      const below = Number(y.split(' ')[2]) + 9;
      messages.set(dots, instants.map((at, index) => ({
        x: across(at * 1e3),
        y: latencies[index] ? up(latencies[index] * 1e3) : below,
        text: `${dots.dataset.label}, due at ${(at / 1e6).toFixed(3)} s: ${latencies[index] ? time(latencies[index] * 1e3) : 'never arrived'}`,
      })));
    }
    return messages.get(dots);
  };
  const nearest = (chart, event) => {
    const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(chart.getScreenCTM().inverse());
    let best = { distance: 24 };
    for (const dots of all('.dots[data-latency]', chart)) {
      for (const dot of placed(dots)) {
        const distance = Math.hypot(dot.x - at.x, dot.y - at.y);
        if (distance < Math.min(best.distance, 12)) best = { distance, text: dot.text };
      }
    }
    for (const line of all('[data-points]:not(.off)', chart)) {
      for (const point of steps(line)) {
        const distance = Math.hypot(point.x - at.x, point.y - at.y);
        if (distance < best.distance) best = { distance, text: `${line.dataset.label}: ${(point.share * 100).toPrecision(3)}% take longer than ${time(point.ns)}` };
      }
    }
    return best.text;
  };
  for (const chart of all('svg.chart')) {
    chart.addEventListener('pointermove', event => {
      const titled = event.target.closest('g[data-tip],[data-tip]') || event.target;
      const title = titled.dataset.tip || (titled !== chart && titled.querySelector(':scope > title') || {}).textContent;
      const text = title || nearest(chart, event);
      if (text) show(text, event); else tip.classList.add('off');
    });
    chart.addEventListener('pointerleave', () => tip.classList.add('off'));
  }

  // Ladders: zoom by buttons, the wheel with Ctrl, or keys; pan by dragging.
  for (const chart of all('svg[data-chart=ladder]')) {
    const home = chart.getAttribute('viewBox').split(' ').map(Number);
    let view = [...home];
    const set = next => {
      const width = Math.min(home[2], Math.max(home[2] / 12, next[2]));
      const height = width * home[3] / home[2];
      view = [Math.max(0, Math.min(home[2] - width, next[0])), Math.max(0, Math.min(home[3] - height, next[1])), width, height];
      chart.setAttribute('viewBox', view.map(value => value.toFixed(1)).join(' '));
    };
    const zoom = (factor, x = .5, y = .5) => {
      const width = view[2] * factor;
      set([view[0] + (view[2] - width) * x, view[1] + (view[3] - view[3] * factor) * y, width]);
    };
    const bar = document.createElement('div');
    bar.className = 'zoom';
    for (const [name, act] of [['Zoom in', () => zoom(1 / 1.5)], ['Zoom out', () => zoom(1.5)], ['Whole', () => set(home)]]) {
      const button = document.createElement('button');
      button.type = 'button';
      button.textContent = name;
      button.addEventListener('click', act);
      bar.append(button);
    }
    chart.closest('.scroll').before(bar);
    chart.addEventListener('wheel', event => {
      if (!event.ctrlKey) return;
      event.preventDefault();
      const box = chart.getBoundingClientRect();
      zoom(event.deltaY > 0 ? 1.2 : 1 / 1.2, (event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height);
    }, { passive: false });
    let drag;
    chart.addEventListener('pointerdown', event => { if (view[2] < home[2]) { drag = [event.clientX, event.clientY, ...view]; chart.setPointerCapture(event.pointerId); } });
    chart.addEventListener('pointermove', event => {
      if (!drag) return;
      const scale = view[2] / chart.getBoundingClientRect().width;
      set([drag[2] - (event.clientX - drag[0]) * scale, drag[3] - (event.clientY - drag[1]) * scale, view[2]]);
    });
    chart.addEventListener('pointerup', () => { drag = undefined; });
  }
})();

// What happens to the client's address in the middle of a run: `--rebind`, `--handover` and `--after`.
import { size } from 'lab/fields.js';
import { line, select, value } from 'lab/inputs.js';

export const OPTIONS = ['--rebind', '--handover', '--after'];

const KINDS = [
  ['', 'stays the same'],
  ['port', 'gets a new port'],
  ['ip', 'gets a new IP address'],
  ['network', 'moves to another network'],
];

const HELP = {
  '': 'It can change in the middle of a run. Some connections survive that, others break.',
  port: 'As when a NAT forgets which port it gave to this client.',
  ip: 'As when the provider assigns another address.',
  network: 'As a phone that leaves its Wi-Fi: for a time it has no network, then another one.',
};

// The change in the options of a command line, taken apart.
function read(options) {
  const [handover, rebind] = [options.get('--handover'), options.get('--rebind')];
  const [at = '', rest = ''] = (handover ?? rebind ?? '').split(':');
  if (handover) return { kind: 'network', at, outage: rest, after: options.get('--after') ?? '' };
  return { kind: rebind ? rest || 'port' : '', at };
}

function write(options, { kind, at, outage, after }) {
  for (const option of OPTIONS) options.delete(option);
  if (kind === 'network') {
    options.set('--handover', `${at}:${outage}`);
    if (after) options.set('--after', after);
  } else if (kind) options.set('--rebind', kind === 'port' ? at : `${at}:${kind}`);
}

// The middle of the measured time, or what is usual.
function middle(duration) {
  const half = size(duration ?? '') / 2;
  return half >= 1000 ? `${Math.floor(half / 1000)}s` : half > 0 ? `${half}ms` : '5s';
}

// The inputs. `changed` hears that `options` have another change, `rebuild` that other inputs are needed.
export function moves(place, options, changed, rebuild) {
  const now = read(options);
  const set = part => {
    write(options, Object.assign(now, part));
    changed();
  };
  const kind = select({
    id: `${place}-move`,
    label: 'Its address',
    help: HELP[now.kind] ?? '',
    current: now.kind,
    choices: KINDS,
    set: kind => {
      set({ kind, at: now.at || middle(options.get('-d')), outage: now.outage || '300ms' });
      rebuild(`${place}-move`);
    },
  });
  if (!now.kind) return [kind];
  const at = value({
    id: `${place}-move-at`,
    label: 'At',
    help: 'When it happens, from the beginning of the measured time.',
    current: now.at,
    values: ['500ms', '1s', '2s', '3s', '5s', '8s', '10s', '20s', '30s'],
    set: at => set({ at }),
  });
  if (now.kind !== 'network') return [kind, at];
  const outage = value({
    id: `${place}-move-outage`,
    label: 'Without a network for',
    help: 'All packets of both directions are lost in this time.',
    current: now.outage,
    values: ['0ms', '100ms', '300ms', '500ms', '1s', '2s', '5s'],
    set: outage => set({ outage }),
  });
  const after = line({
    id: `${place}-move-after`,
    label: 'The other network has',
    help: 'What differs from the link above, each way. Nothing: the same link.',
    current: now.after,
    placeholder: 'delay=40ms,rate=5mbit',
    set: after => set({ after }),
  });
  return [kind, at, outage, after];
}

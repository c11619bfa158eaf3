// The engine: JSON in, text out. One is the server that serves the page, the other runs in workers of this browser.

// Refused or failed, with a sentence for the reader.
export class Refused extends Error {}

// No call takes longer, not even a lesson on a phone.
const LONGEST_MS = 300000;

export async function start() {
  return document.body.dataset.engine === 'native' ? new Server() : Workers.load();
}

class Server {
  // Answers a call. `hooks.begin` hears how many runs or seconds it takes, `hooks.done` how many runs have ended.
  async call(call, signal, hooks = {}) {
    const response = await fetch('call', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(call),
      signal,
    });
    if (!response.ok) throw new Refused((await response.text()) || `the server answers ${response.status}`);
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = '';
    for (;;) {
      const { value, done } = await reader.read();
      if (done) throw new Refused('the server has gone: start wirelab lab again');
      const lines = (rest + value).split('\n');
      rest = lines.pop();
      for (const line of lines) {
        const said = JSON.parse(line);
        if (said.answer !== undefined) return said.answer;
        if (said.error !== undefined) throw new Refused(said.error);
        if (said.done !== undefined) hooks.done?.(said.done);
        else hooks.begin?.(said);
      }
    }
  }
}

// A worker answers one call at a time. To cancel a call, its worker is ended; others are ready.
class Workers {
  static async load() {
    const part = id => document.getElementById(id)?.textContent;
    const script = id => fetch(`data:text/plain;base64,${part(id)}`).then(response => response.text());
    const inline = part('engine-bin');
    const packed = inline ? `data:application/octet-stream;base64,${inline}` : 'engine.bin';
    const module = fetch(packed).then(compiled);
    const workers = new Workers();
    workers.isCold = true;
    workers.source = 'worker.js';
    if (inline) {
      const text = (await Promise.all(['engine-glue', 'engine-worker'].map(script))).join('\n');
      workers.source = URL.createObjectURL(new Blob([text], { type: 'text/javascript' }));
    }
    // The worker starts while the module is compiled.
    const first = new Worker(workers.source);
    workers.module = await module;
    first.postMessage({ module: workers.module });
    workers.idle = [first];
    return workers;
  }

  begin() {
    const worker = new Worker(this.source);
    worker.postMessage({ module: this.module });
    return worker;
  }

  call(call, signal, hooks = {}) {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const worker = this.idle.pop() ?? this.begin();
      const end = () => {
        clearTimeout(limit);
        signal?.removeEventListener('abort', abort);
      };
      const kill = reason => {
        end();
        worker.terminate();
        if (!this.idle.length) this.idle.push(this.begin());
        reject(reason);
      };
      const abort = () => kill(signal.reason);
      const limit = setTimeout(() => kill(new Refused('ended: it took too long')), LONGEST_MS);
      signal?.addEventListener('abort', abort);
      worker.onerror = event => kill(new Refused(`the engine failed: ${event.message}`));
      worker.onmessage = ({ data }) => {
        if (data.done !== undefined) return hooks.done?.(data.done);
        end();
        if (this.idle.length < 3) this.idle.push(worker);
        else worker.terminate();
        if (data.error !== undefined) reject(new Refused(data.error));
        else resolve(data.answer);
      };
      worker.postMessage({ call: JSON.stringify(call) });
    });
  }
}

// The engine's module. It is compressed, unless the server has unpacked it already.
async function compiled(response) {
  if (!response.ok) throw new Error(`engine.bin: the server answers ${response.status}`);
  const [start, whole] = response.body.tee();
  const reader = start.getReader();
  const { value } = await reader.read();
  reader.cancel();
  const isPacked = value?.[0] === 0x1f && value[1] === 0x8b;
  const stream = isPacked ? whole.pipeThrough(new DecompressionStream('gzip')) : whole;
  return WebAssembly.compileStreaming(new Response(stream, { headers: { 'content-type': 'application/wasm' } }));
}

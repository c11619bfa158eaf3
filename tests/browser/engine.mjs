// Answers calls of the lab with the engine for browsers. Arguments: the engine's folder. Each line of standard input is
// a call; each line of standard output is its answer or its error, as JSON.
import fs from 'node:fs';
import path from 'node:path';
import readline from 'node:readline';
import vm from 'node:vm';
import zlib from 'node:zlib';

const folder = process.argv[2];
const read = name => fs.readFileSync(path.join(folder, name));
globalThis.wirelabProgress = () => {};
vm.runInThisContext(`${read('engine.js')}; globalThis.wasm_bindgen = wasm_bindgen;`);
wasm_bindgen.initSync({ module: new WebAssembly.Module(zlib.gunzipSync(read('engine.bin'))) });
for await (const line of readline.createInterface({ input: process.stdin })) {
  let said;
  try {
    said = { answer: wasm_bindgen.call(line) };
  } catch (error) {
    said = { error: error.message };
  }
  console.log(JSON.stringify(said));
}

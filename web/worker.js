'use strict';
// Runs the engine. In a single file, the engine's glue stands above.
if (typeof wasm_bindgen === 'undefined') importScripts('engine-glue.js');

self.wirelabProgress = runs => postMessage({ done: runs });

onmessage = ({ data }) => {
  if (data.module) {
    wasm_bindgen.initSync({ module: data.module });
    return;
  }
  try {
    postMessage({ answer: wasm_bindgen.call(data.call) });
  } catch (error) {
    // After a trap the engine cannot go on: the page ends this worker.
    if (error instanceof WebAssembly.RuntimeError) throw error;
    postMessage({ error: error.message });
  }
};

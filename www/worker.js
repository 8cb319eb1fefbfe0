// Serves the engine to a page: {id, text} in, {id, text} out, JSON both ways. It speaks first, with `ready`.
import init, { evaluateJson, version } from './headroom_core.js';

const started = init({ module_or_path: new URL('./headroom_core_bg.wasm', import.meta.url) });

self.onmessage = async ({ data: { id, text } }) => {
  await started;
  self.postMessage({ id, text: evaluateJson(text) });
};

started.then(
  () => self.postMessage({ ready: version() }),
  (error) => self.postMessage({ failed: String(error) }),
);

// Starts the page's WASM and says so when it cannot be started. Its own file, so that no inline script is needed.
const script = document.querySelector('script[data-js]');
const status = document.getElementById('boot');

try {
  if (typeof WebAssembly !== 'object') throw new Error('This browser has no WebAssembly.');
  const module = await import(new URL(script.dataset.js, document.baseURI));
  await module.default({ module_or_path: new URL(script.dataset.wasm, document.baseURI) });
  status?.remove();
} catch (error) {
  if (status) {
    status.textContent = `Headroom could not start: ${error.message ?? error} Reload the page, or use a browser of the last three years.`;
    status.setAttribute('role', 'alert');
  }
  throw error;
}

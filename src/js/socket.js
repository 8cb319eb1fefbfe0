// One WebSocket: says hello, pings, and hands on what came in batches, so that a flood costs the page no more than a trickle. What
// comes faster than it is taken is dropped, oldest first, and counted.
const FLUSH_MS = 250;
const MOST_FRAMES = 4000;
const MOST_CHARS = 8_000_000;

/**
 * `heard(frames, dropped)` is called with an array of texts; it may return a promise: nothing is handed on before it is done.
 * `turned(state, reason)` with 'open' or 'closed'. Returns a function that closes it and is silent from then on.
 */
export function openSocket(url, hello, ping, pingMs, heard, turned) {
  let frames = [];
  let chars = 0;
  let dropped = 0;
  let busy = false;
  let ended = false;
  let pinger;
  let socket;
  try {
    socket = new WebSocket(url);
  } catch (error) {
    setTimeout(() => turned('closed', String(error)), 0);
    return () => {};
  }
  const flusher = setInterval(async () => {
    if (busy || frames.length === 0) return;
    const [batch, lost] = [frames, dropped];
    frames = [];
    chars = 0;
    dropped = 0;
    busy = true;
    try {
      await heard(batch, lost);
    } finally {
      busy = false;
    }
  }, FLUSH_MS);
  const end = () => {
    ended = true;
    clearInterval(flusher);
    clearInterval(pinger);
    socket.onopen = socket.onmessage = socket.onerror = socket.onclose = null;
    socket.close();
    frames = [];
  };
  socket.onopen = () => {
    hello.forEach((text) => socket.send(text));
    if (ping) pinger = setInterval(() => socket.readyState === 1 && socket.send(ping), pingMs);
    turned('open', '');
  };
  socket.onmessage = ({ data }) => {
    if (typeof data !== 'string') return;
    frames.push(data);
    chars += data.length;
    if (frames.length > MOST_FRAMES || chars > MOST_CHARS) {
      const half = frames.splice(0, Math.ceil(frames.length / 2));
      dropped += half.length;
      chars = frames.reduce((s, f) => s + f.length, 0);
    }
  };
  socket.onclose = ({ code, reason }) => {
    if (ended) return;
    end();
    turned('closed', reason || `code ${code}`);
  };
  return end;
}

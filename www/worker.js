// Serves the engine to a page. Messages in, and what comes back:
//   {id, text}               a request as JSON text           → {id, text}, the answer
//   {id, text, progress}     the same, heard on the way       → {id, share}, 0 to 1, and at the end {id, text}
//   {run, text}              a request to share out           → {run, pending} or {run, refused: text}
//   {run, pieces}            numbers of pieces to do          → {run, pieces, numbers}
//   {run, merge}             numbers of all pending pieces    → {run, pending, share, answer: text}
//   {run, close: true}       forget it                        → nothing
//   {stream, venue, frames}  messages of a connection       → {id, text}, what they came to (with id)
//   {stream, begin, text}    a whole book for a connection  → {id, text: "true" or "false"}
//   {stream, close: true}    forget the connection          → nothing
// It speaks first, with {ready: version}. Where the engine cannot start or has broken down: {failed: reason}, and nothing
// more. pool.js is the other side of runs.
import init, { evaluateJson, Run, StreamReader, version } from './headroom_core.js';

const started = init({ module_or_path: new URL('./headroom_core_bg.wasm', import.meta.url) });
const runs = new Map();
const streams = new Map();

function share(message) {
  const { run: id } = message;
  if (message.text !== undefined) {
    try {
      runs.set(id, new Run(message.text));
    } catch (refused) {
      if (typeof refused !== 'string') throw refused;
      return { run: id, refused };
    }
    return { run: id, pending: runs.get(id).pending() };
  }
  const run = runs.get(id);
  if (run === undefined) return undefined; // Closed while this message was on its way.
  if (message.pieces) return { run: id, pieces: message.pieces, numbers: message.pieces.map((p) => run.piece(p)) };
  if (message.merge) {
    run.merge(message.merge);
    return { run: id, pending: run.pending(), share: run.share(), answer: run.answer() };
  }
  run.free();
  runs.delete(id);
  return undefined;
}

function stream({ id, stream: key, venue, frames, begin, text, close }) {
  if (close) {
    streams.get(key)?.free();
    streams.delete(key);
    return undefined;
  }
  if (begin !== undefined) return { id, text: String(streams.get(key)?.begin(begin, text) ?? false) };
  if (!streams.has(key)) streams.set(key, new StreamReader(venue));
  return { id, text: streams.get(key).take(frames) };
}

self.onmessage = async ({ data }) => {
  try {
    await started;
    const told = data.progress ? (done) => self.postMessage({ id: data.id, share: done }) : undefined;
    const answer = data.stream !== undefined ? stream(data)
      : data.run === undefined ? { id: data.id, text: evaluateJson(data.text, told) } : share(data);
    if (answer) self.postMessage(answer);
  } catch (error) {
    // A trap leaves the engine in no state to go on: whoever listens starts another worker.
    self.postMessage({ failed: String(error) });
  }
};

started.then(() => self.postMessage({ ready: version() }), (error) => self.postMessage({ failed: String(error) }));

// A pool of plain module workers that share the work of one probability at a time. No SharedArrayBuffer, no special
// headers. The answer has the same bits however many workers there are, and if one of them dies on the way.
//
//   const pool = new Pool();                       // or new Pool({ size: 2 })
//   const text = await pool.evaluate(request, { onAnswer, onProgress, signal });
//
// `request` is JSON text of operation `probability`; `onAnswer` gets the answer so far after each round, `onProgress` the
// share done. A request that is not the newest any more is dropped: its promise is rejected with an AbortError, as it is
// when `signal` aborts. The engine's refusals are answers: {"error": …} as text.

/** Pieces that go to a worker in one message, at most. */
const BATCH = 8;
/** Times that a dead worker is replaced within one request. */
const REPLACEMENTS = 3;

const aborted = () => new DOMException('The calculation was dropped.', 'AbortError');

export class Pool {
  #url;
  #size;
  #workers = [];
  #job = null;
  #next = 1;

  constructor({ size = Math.min(globalThis.navigator?.hardwareConcurrency ?? 2, 8), url = new URL('./worker.js', import.meta.url), makeWorker } = {}) {
    this.#size = Math.max(1, Math.floor(size) || 1);
    this.#url = url;
    this.makeWorker = makeWorker ?? ((u) => new Worker(u, { type: 'module' }));
  }

  get size() {
    return this.#size;
  }

  evaluate(request, { onAnswer, onProgress, signal } = {}) {
    this.#drop(aborted());
    if (signal?.aborted) return Promise.reject(aborted());
    return new Promise((resolve, reject) => {
      const job = {
        id: this.#next++, request, onAnswer, onProgress, resolve, reject,
        left: REPLACEMENTS, todo: [], pending: null, numbers: new Map(), merging: false,
      };
      this.#job = job;
      if (signal) {
        job.unhook = () => signal.removeEventListener('abort', job.abort);
        job.abort = () => this.#job === job && this.#drop(aborted());
        signal.addEventListener('abort', job.abort);
      }
      while (this.#workers.length < this.#size) this.#workers.push(this.#start());
      for (const w of this.#workers) this.#open(w, job);
    });
  }

  /** Stops the calculation under way, if there is one. */
  cancel() {
    this.#drop(aborted());
  }

  /** Ends the workers; the pool can be used again. */
  close() {
    this.#drop(aborted());
    for (const w of this.#workers) w.worker.terminate();
    this.#workers = [];
  }

  #start() {
    const w = { worker: this.makeWorker(this.#url), has: 0, doing: null };
    w.worker.onmessage = ({ data }) => {
      if (data.failed !== undefined) this.#died(w, data.failed);
      else if (data.run !== undefined) this.#heard(w, data);
    };
    w.worker.onerror = (event) => {
      event.preventDefault?.();
      this.#died(w, event.message ?? 'it stopped');
    };
    return w;
  }

  #open(w, job) {
    w.has = 0;
    w.doing = null;
    w.worker.postMessage({ run: job.id, text: job.request });
  }

  #heard(w, data) {
    const job = this.#job;
    // Of a request that was dropped, or of a worker that was given up.
    if (!job || data.run !== job.id || !this.#workers.includes(w)) return;
    if (data.refused !== undefined) {
      this.#finish((j) => j.resolve(data.refused));
    } else if (data.answer !== undefined) {
      this.#merged(w, data);
    } else if (data.numbers) {
      if (!w.doing) return;
      w.doing = null;
      data.pieces.forEach((piece, k) => job.numbers.set(piece, data.numbers[k]));
      this.#step();
    } else {
      w.has = job.id;
      // Every worker derives the same first pieces; the first to speak is heard.
      if (!job.pending) this.#round([...data.pending]);
      else this.#step();
    }
  }

  #round(pending) {
    const job = this.#job;
    job.pending = pending;
    job.todo = [...pending];
    job.numbers = new Map();
    this.#step();
  }

  /** Gives work to whoever has none, and merges when all is there. */
  #step() {
    const job = this.#job;
    if (!job?.pending || job.merging) return;
    for (const w of this.#workers) {
      if (w.has !== job.id || w.doing || job.todo.length === 0) continue;
      // Fewer and fewer at a time, so that all end together.
      const share = Math.ceil(job.todo.length / (2 * this.#workers.length));
      w.doing = job.todo.splice(0, Math.min(BATCH, Math.max(1, share)));
      w.worker.postMessage({ run: job.id, pieces: w.doing });
    }
    if (job.numbers.size === job.pending.length) {
      const w = this.#merger(job);
      if (!w) return;
      job.merging = true;
      w.worker.postMessage({ run: job.id, merge: job.pending.map((piece) => job.numbers.get(piece)) });
    }
  }

  /** One worker keeps the sums of a request: the first that was free for it. */
  #merger(job) {
    job.merger ??= this.#workers.find((w) => w.has === job.id);
    return job.merger;
  }

  #merged(w, data) {
    const job = this.#job;
    job.merging = false;
    this.#tell(job.onProgress, data.share);
    if (this.#job !== job) return; // The listener asked for something else.
    if (data.pending.length === 0) {
      this.#finish((j) => j.resolve(data.answer));
    } else {
      this.#tell(job.onAnswer, data.answer, data.share);
      if (this.#job === job) this.#round([...data.pending]);
    }
  }

  /** A listener that throws must not stop the calculation; the page hears of its error. */
  #tell(listener, ...what) {
    try {
      listener?.(...what);
    } catch (error) {
      (globalThis.reportError ?? console.error)(error);
    }
  }

  /** A worker is gone: its pieces go back, and a new one takes its place. */
  #died(w, reason) {
    w.worker.terminate();
    const at = this.#workers.indexOf(w);
    if (at < 0) return;
    this.#workers.splice(at, 1);
    const job = this.#job;
    if (!job) return;
    if (job.left-- === 0) {
      return this.#finish((j) => j.reject(new Error(`The engine stopped again and again: ${reason}`)));
    }
    const fresh = this.#start();
    this.#workers.push(fresh);
    if (job.merger === w) {
      // The sums died with it: begin again. The numbers will be the same.
      Object.assign(job, { merger: null, pending: null, todo: [], numbers: new Map(), merging: false });
      for (const other of this.#workers) {
        if (other !== fresh) other.worker.postMessage({ run: job.id, close: true });
      }
      job.id = this.#next++;
      for (const other of this.#workers) this.#open(other, job);
      return undefined;
    }
    if (w.doing) job.todo.unshift(...w.doing);
    this.#open(fresh, job);
    return this.#step();
  }

  #finish(settle) {
    const job = this.#job;
    if (!job) return;
    this.#job = null;
    job.unhook?.();
    for (const w of this.#workers) {
      w.doing = null;
      w.worker.postMessage({ run: job.id, close: true });
    }
    settle(job);
  }

  #drop(error) {
    this.#finish((job) => job.reject(error));
  }
}

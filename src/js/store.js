// History kept on the device, in the browser's cache: text by name, the oldest put out beyond a limit. Where the browser has no such
// cache (a page opened from disk, a private window) nothing is kept.
const CACHE = 'headroom.history';
const at = (name) => new Request(new URL(`kept/${encodeURIComponent(name)}`, location.href.split('#')[0]));

async function entries(cache) {
  const all = await Promise.all((await cache.keys()).map(async (key) => {
    const head = (await cache.match(key))?.headers;
    return { key, bytes: Number(head?.get('x-bytes')) || 0, time: Number(head?.get('x-time')) || 0 };
  }));
  return all.sort((a, b) => a.time - b.time);
}

export async function readKept(name) {
  try {
    const found = await (await caches.open(CACHE)).match(at(name));
    return found ? await found.text() : undefined;
  } catch {
    return undefined;
  }
}

export async function keep(name, text, limit) {
  try {
    const cache = await caches.open(CACHE);
    const bytes = new Blob([text]).size;
    if (bytes > limit) return;
    const headers = { 'x-bytes': String(bytes), 'x-time': String(Date.now()) };
    await cache.put(at(name), new Response(text, { headers }));
    const all = await entries(cache);
    let sum = all.reduce((s, e) => s + e.bytes, 0);
    for (const e of all) {
      if (sum <= limit) break;
      await cache.delete(e.key);
      sum -= e.bytes;
    }
  } catch {
    // Full or forbidden: it is fetched again next time.
  }
}

export async function keptBytes() {
  try {
    return (await entries(await caches.open(CACHE))).reduce((s, e) => s + e.bytes, 0);
  } catch {
    return 0;
  }
}

export async function forget() {
  try {
    await caches.delete(CACHE);
  } catch {
    // There was none.
  }
}

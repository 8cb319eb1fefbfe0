// One request with a time limit and a size limit. Resolves to [status, text]; rejects with an Error whose message is
// 'timeout', 'size' or 'network': a browser tells no more about CORS or a block than that.
export async function fetchText(url, method, body, timeoutMs, maxBytes) {
  const control = new AbortController();
  const timer = setTimeout(() => control.abort('timeout'), timeoutMs);
  try {
    const response = await fetch(url, {
      method, signal: control.signal, credentials: 'omit', referrerPolicy: 'no-referrer', cache: 'no-store',
      ...(body ? { body, headers: { 'content-type': 'application/json' } } : {}),
    });
    const reader = response.body?.getReader();
    const decoder = new TextDecoder();
    let text = '';
    let bytes = 0;
    while (reader) {
      const { done, value } = await reader.read();
      if (done) break;
      bytes += value.byteLength;
      if (bytes > maxBytes) {
        control.abort('size');
        throw new Error('size');
      }
      text += decoder.decode(value, { stream: true });
    }
    return [response.status, text + decoder.decode()];
  } catch (error) {
    if (error.message === 'size') throw error;
    throw new Error(control.signal.aborted ? String(control.signal.reason) : 'network');
  } finally {
    clearTimeout(timer);
  }
}

// A file of this page that is packed with gzip, whatever the server makes of that; as text.
export async function fetchPacked(url, maxBytes) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(String(response.status));
  const bytes = new Uint8Array(await response.arrayBuffer());
  if (bytes.length > maxBytes) throw new Error('size');
  // Some servers unpack on the way.
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return new TextDecoder().decode(bytes);
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'))).text();
}

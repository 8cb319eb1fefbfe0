// The engine's pool of workers, loaded when first needed. A newer request takes the place of an older one, which then
// resolves to undefined.
let pool;

export async function shareOut(folder, version, request, onAnswer) {
  pool ??= import(`${folder}/engine/pool.js?v=${version}`).then(({ Pool }) => new Pool({ url: `${folder}/engine/worker.js?v=${version}` }));
  let ready;
  try {
    ready = await pool;
  } catch (error) {
    pool = undefined; // Tried again next time.
    throw error;
  }
  try {
    return await ready.evaluate(request, { onAnswer });
  } catch (error) {
    if (error.name === 'AbortError') return undefined;
    throw error;
  }
}

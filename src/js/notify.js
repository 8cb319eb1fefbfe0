// Notifications of the browser, where the user has allowed them.
export function allowed() {
  return typeof Notification === 'undefined' ? 'unsupported' : Notification.permission;
}

export async function allow() {
  return typeof Notification === 'undefined' ? 'unsupported' : Notification.requestPermission();
}

export function show(title, body) {
  if (allowed() !== 'granted') return;
  try {
    // One tag: a newer message takes the place of an older one.
    new Notification(title, { body, tag: 'headroom' });
  } catch {
    // Some phones allow them to service workers alone.
  }
}

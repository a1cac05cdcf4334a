// Has the browser keep the page's files, so that the page opens without the network and can be installed.

/** Register the service worker. It serves this page and what lies below it, also under a proxy's path. */
export function setUpOffline() {
  // there is none outside of HTTPS and loopback, and a browser may forbid it: the page works without
  navigator.serviceWorker?.register(new URL("./sw.js", document.baseURI)).catch(() => {});
}

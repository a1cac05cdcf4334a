// Opens the page without the network. It keeps the page's own files, never an answer with data: what the list showed last is
// kept by the page, which says how old it is. The service writes VERSION and FILES before this text.

const scope = new URL(self.registration.scope);
const BEGIN = `tp-capital.page:${scope.pathname}:`;
const CACHE = BEGIN + VERSION;

self.addEventListener("install", (event) => event.waitUntil(keepFiles().then(() => self.skipWaiting())));
self.addEventListener("activate", (event) => event.waitUntil(dropOthers().then(() => self.clients.claim())));
self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== scope.origin) return;
  if (request.mode === "navigate") {
    const linked = new RegExp("^s/(\\d{1,18})$").exec(url.pathname.slice(scope.pathname.length));
    const page = linked && new URL(`./?signal=${linked[1]}`, scope);
    if (linked) event.respondWith(fetch(request).catch(() => Response.redirect(page)));
    else if (url.pathname === scope.pathname) event.respondWith(fresh(request, scope.href));
  } else if (url.pathname.startsWith(`${scope.pathname}assets/`)) {
    event.respondWith(fresh(request, url.href));
  }
});

/** The service's answer; the kept file only when the service cannot be reached. */
async function fresh(request, address) {
  try {
    return await fetch(request);
  } catch (error) {
    const kept = await (await caches.open(CACHE)).match(address, { ignoreVary: true });
    if (!kept) throw error;
    return kept;
  }
}

/** Keep all files or none: files of different versions do not work together. */
async function keepFiles() {
  const cache = await caches.open(CACHE);
  const wanted = [[scope.href, "text/html"], ...FILES.map((name) => [new URL(`assets/${name}`, scope).href, "*/*"])];
  const answers = await Promise.all(
    wanted.map(([address, accept]) => fetch(address, { headers: { Accept: accept }, cache: "no-cache" })),
  );
  if (!answers.every((answer) => answer.ok)) throw new Error("a file of the page is missing");
  await Promise.all(answers.map((answer, index) => cache.put(wanted[index][0], answer)));
}

async function dropOthers() {
  const old = (await caches.keys()).filter((name) => name.startsWith(BEGIN) && name !== CACHE);
  await Promise.all(old.map((name) => caches.delete(name)));
}

// What the reader keeps in this browser. Services below other paths of the same host have their own.

const place = (name) => `tp-capital.${name}:${new URL(".", document.baseURI).pathname}`;

/** Return what was kept under a name, or null. */
export function kept(name, storage = "localStorage") {
  try {
    return JSON.parse(globalThis[storage].getItem(place(name)));
  } catch {
    return null; // storage is forbidden, or somebody else wrote there
  }
}

/** Keep a value. Returns whether it was kept: storage may be forbidden or full. */
export function keep(name, value, storage = "localStorage") {
  try {
    globalThis[storage].setItem(place(name), JSON.stringify(value));
    return true;
  } catch {
    return false;
  }
}

// The page's address: it holds the filters and the opened signal, so that a view can be shared.

/** Return a parameter of the address, or "". */
export const addressed = (name) => new URLSearchParams(location.search).get(name) ?? "";

/** Write these parameters at the end of the address; an empty one is removed. Others stay as they are. */
export function writeAddress(values) {
  const parameters = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(values)) {
    parameters.delete(name);
    if (value) parameters.set(name, value);
  }
  const search = parameters.size ? `?${parameters}` : "";
  if (search !== location.search) history.replaceState(null, "", search || location.pathname);
}

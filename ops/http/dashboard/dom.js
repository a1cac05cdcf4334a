// Making elements. Text becomes text nodes and nothing here takes markup, so no message can inject any.

const SVG = "http://www.w3.org/2000/svg";

/** Return the element with this id; all of those in index.html exist. */
export const byId = (id) => document.getElementById(id);

/** Return a new element: attributes by name, "on..." as listeners, children as nodes or text. */
export function h(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** The same for SVG. */
export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(
    ...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false),
  );
  return element;
}

/** Set an element's text, and only when it differs: live regions speak at every change. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

const ICONS = {
  ok: "M5 12.5l4.5 4.5L19 7.5",
  caution: "M12 4v10M12 18.5v.5",
  bad: "M6 6l12 12M18 6L6 18",
  wait: "M12 5v7l4 3",
  up: "M12 19V5M6 11l6-6 6 6",
  down: "M12 5v14M6 13l6 6 6-6",
  open: "M12 5a7 7 0 1 0 .01 0",
  dash: "M6 12h12",
  chevron: "M9 6l6 6-6 6",
  sun: "M12 8a4 4 0 1 0 .01 0M12 2.5v2M12 19.5v2M2.5 12h2M19.5 12h2M5.3 5.3l1.4 1.4M17.3 17.3l1.4 1.4M18.7 5.3l-1.4 1.4M6.7 17.3l-1.4 1.4",
  moon: "M20 14.5A8.5 8.5 0 0 1 9.5 4 8.5 8.5 0 1 0 20 14.5z",
  sound: "M4 10v4h3l5 4V6L7 10zM15.5 9a4.5 4.5 0 0 1 0 6M18 6.5a8 8 0 0 1 0 11",
  soundOff: "M4 10v4h3l5 4V6L7 10zM16 9.5l5 5M21 9.5l-5 5",
  notify: "M6 16.5V11a6 6 0 0 1 12 0v5.5l1.5 1.5h-15zM10 21h4",
  notifyOff: "M6 16.5V11a6 6 0 0 1 12 0v5.5l1.5 1.5h-15zM10 21h4M4 4l16 17",
  half: "M12 3.5a8.5 8.5 0 1 0 .01 0M12 4v16M15 5v14M18 7v10",
};

/** Return a decorative icon drawn with the colour of the text around it. */
export function icon(name, size = 16) {
  return svg(
    "svg",
    { viewBox: "0 0 24 24", width: size, height: size, class: "icon", "aria-hidden": "true" },
    svg("path", { d: ICONS[name] }),
  );
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Makes elements. Text is always set as text, never as HTML: names of keys come from elsewhere.

const SVG = "http://www.w3.org/2000/svg";

function fill(element, properties, children) {
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "style") for (const [key, text] of Object.entries(value)) element.style.setProperty(key, text);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

// element("p", {class: "quiet", onclick: act}, "text", other)
export function element(tag, properties, ...children) {
  return fill(document.createElement(tag), properties, children);
}

export function drawing(tag, properties, ...children) {
  return fill(document.createElementNS(SVG, tag), properties, children);
}

export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function setAttribute(node, name, value) {
  if (node.getAttribute(name) !== value) node.setAttribute(name, value);
}

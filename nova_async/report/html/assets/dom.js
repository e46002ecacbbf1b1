// Small helpers. Everything that comes from the document is put in as text, never as HTML.
"use strict";
const nova = {};

/** An element with attributes and children; a function attribute is an event listener, `null` children are left out. */
nova.el = function (name, attributes, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (typeof value === "function") element.addEventListener(key, value);
    else if (value === true) element.setAttribute(key, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(key, value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
};

/** `1 step`, `2 steps`. */
nova.count = (number, noun) => `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;

nova.hex = (number) => "0x" + number.toString(16);

/** Bytes in the largest binary unit that divides them well. */
nova.bytes = function (bytes) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  let value = bytes;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${Number.isInteger(value) ? value : value.toFixed(1)} ${units[unit]}`;
};

/** A table with a caption, a header row and rows of cells; cells are text or elements. */
nova.table = function (caption, headings, rows, attributes) {
  const { el } = nova;
  return el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
    el("table", attributes,
      el("caption", null, caption),
      el("thead", null, el("tr", null, headings.map((heading) => el("th", { scope: "col" }, heading)))),
      el("tbody", null, rows.map((cells) => el("tr", null,
        cells.map((cell, column) => el("td", { "data-of": headings[column] }, cell || null)))))));
};

/** A command line with a button that copies it. */
nova.command = function (text) {
  const { el } = nova;
  const button = el("button", { type: "button", class: "copy", "aria-label": `Copy: ${text}` }, "copy");
  const code = el("code", null, text);
  button.addEventListener("click", () => {
    // A page opened from a file has no clipboard everywhere; then the text is at least selected.
    getSelection().selectAllChildren(code);
    const done = navigator.clipboard ? navigator.clipboard.writeText(text) : Promise.reject();
    done.then(() => { button.textContent = "copied"; }, () => { button.textContent = "selected"; });
  });
  return el("div", { class: "command" }, code, button);
};

/** A heading and its content, as a named part of a scenario. */
nova.part = function (id, title, ...content) {
  const { el } = nova;
  return el("section", { id, class: "part", "aria-labelledby": `${id}-title` },
    el("h3", { id: `${id}-title` }, title), content);
};

/** The value of a colour of style.css, for what is drawn on a canvas. */
nova.colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

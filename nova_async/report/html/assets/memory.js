// Video memory and page tables as they were after the chosen step: who owns what, and the way of one address.
"use strict";

nova.memory = function (memory, id, stepper) {
  const { el } = nova;
  const owners = el("div", { class: "owners" });
  const walker = new nova.TableWalker(memory, id, stepper);
  stepper.listen((step) => {
    owners.replaceChildren(nova.vramMap(memory, step), nova.owners(memory, step));
    walker.show(step);
  });
  return nova.part(`${id}-memory`, "Video memory and page tables", nova.stepControls(stepper), owners, walker.element);
};

nova.alive = (run, step) => run.since <= step && (run.until === null || step < run.until);

/** Owners get a letter and a hatch besides a colour, in the order in which they first appear. */
nova.ownerLetter = function (memory, owner) {
  const index = memory.owners.indexOf(owner);
  return { letter: String.fromCharCode(65 + (index % 26)) + (index >= 26 ? Math.floor(index / 26) : ""), hue: index % 8 };
};

/** The runs in address order, one block each; what lies between them is folded. */
nova.vramMap = function (memory, step) {
  const { el } = nova;
  const runs = memory.runs.filter((run) => run.space === null && nova.alive(run, step)).sort((a, b) => a.start - b.start);
  const shown = runs.slice(0, nova.MAP_BLOCKS);
  const blocks = [];
  let place = 0;
  for (const run of shown) {
    if (run.start > place) blocks.push(el("span", { class: "gap", title: `${nova.bytes((run.start - place) * 4096)} free` }, "⋯"));
    const { letter, hue } = nova.ownerLetter(memory, run.owner);
    const fresh = run.since === step ? " fresh" : "";
    const where = `${nova.hex(run.start * 4096)}, ${nova.bytes(run.count * 4096)}, ${run.owner}`;
    blocks.push(el("span", { class: `block hue-${hue}${fresh}`, style: `flex-grow:${Math.log2(run.count) + 1}`, title: where }, letter));
    place = run.start + run.count;
  }
  const more = runs.length - shown.length;
  return el("div", { class: "vram", role: "img", "aria-label": `video memory in use: ${nova.count(runs.length, "run")}, by owner in the table below` },
    blocks, more > 0 ? el("span", { class: "gap" }, `${more} more`) : null);
};
nova.MAP_BLOCKS = 120;

nova.owners = function (memory, step) {
  const { el } = nova;
  const rows = memory.owners.map((owner) => {
    const mine = memory.runs.filter((run) => run.owner === owner && nova.alive(run, step));
    const vram = mine.filter((run) => run.space === null);
    const addresses = mine.filter((run) => run.space !== null);
    if (mine.length === 0) return null;
    const { letter, hue } = nova.ownerLetter(memory, owner);
    const total = (runs) => (runs.length ? nova.bytes(runs.reduce((sum, run) => sum + run.count, 0) * 4096) : "none");
    return [el("span", null, el("span", { class: `block hue-${hue}` }, letter), ` ${owner}`), total(vram),
      nova.places(vram), total(addresses), addresses.length ? [...new Set(addresses.map((run) => run.space))].join(", ") : ""];
  }).filter(Boolean);
  if (rows.length === 0) return el("p", { class: "quiet" }, "Nobody owns video memory at this step.");
  return nova.table(`Who owns what after step ${step + 1}`, ["owner", "video memory", "where", "addresses", "of"], rows);
};

nova.places = function (runs) {
  const told = runs.slice(0, 3).map((run) => nova.hex(run.start * 4096)).join(", ");
  return runs.length > 3 ? `${told}, ${runs.length - 3} more` : told;
};

// The way of one virtual address through the tables, by what was in memory after the chosen step.
"use strict";

/** The way of one virtual address through the tables, by what was in memory after the step. */
nova.TableWalker = class {
  constructor(memory, id, stepper) {
    const { el } = nova;
    this.memory = memory;
    this.stepper = stepper;
    this.log = new Map();
    for (const entry of memory.entries) {
      const key = `${entry.level} ${entry.slot}`;
      if (!this.log.has(key)) this.log.set(key, []);
      this.log.get(key).push(entry);
    }
    this.space = el("select", { id: `${id}-space`, change: () => this.chooseSpace() },
      memory.spaces.map((space, index) => el("option", { value: index }, `${space.name} (root ${nova.hex(space.pdb)})`)));
    this.address = el("input", { id: `${id}-address`, class: "address", spellcheck: "false", autocomplete: "off", list: `${id}-addresses`,
      input: () => this.show(this.stepper.step) });
    this.known = el("datalist", { id: `${id}-addresses` });
    this.levels = el("ol", { class: "levels", "aria-live": "polite" });
    this.element = memory.spaces.length === 0 || memory.levels.length === 0 ? el("div") : el("div", { class: "walker" },
      el("h4", null, "The way of an address"),
      el("div", { class: "bar" },
        el("label", { for: `${id}-space` }, "address space ", this.space),
        el("label", { for: `${id}-address` }, "virtual address ", this.address, this.known)),
      this.levels);
    const last = memory.entries.findLast((entry) => entry.frame !== null);
    const index = last ? memory.spaces.findIndex((space) => space.name === last.space) : memory.spaces.length - 1;
    this.space.value = String(Math.max(index, 0));
    this.chooseSpace();
  }

  chooseSpace() {
    const space = this.memory.spaces[Number(this.space.value)];
    if (!space) return;
    const leaves = this.memory.entries.filter((entry) => entry.frame !== null && entry.space === space.name);
    const addresses = [...new Set(leaves.map((entry) => entry.va))];
    this.known.replaceChildren(...addresses.slice(0, 50).map((va) => nova.el("option", { value: va })));
    this.address.value = addresses.length ? addresses[addresses.length - 1] : "0x0";
    this.show(this.stepper.step);
  }

  show(step) {
    const space = this.memory.spaces[Number(this.space.value)];
    if (!space || this.memory.levels.length === 0) return;
    const va = nova.parseAddress(this.address.value);
    this.address.setAttribute("aria-invalid", String(va === null));
    this.levels.replaceChildren(...(va === null ? [nova.el("li", null, "not a number: write it like 0x1000")] : this.walk(space, va, step)));
  }

  walk(space, va, step) {
    const cards = [];
    let [number, table] = [0, space.pdb];
    while (number !== null) {
      const level = this.memory.levels[number];
      const index = Number((va >> BigInt(level.lo)) & ((1n << BigInt(level.hi - level.lo + 1)) - 1n));
      const slot = table + index * level.entry_bytes;
      const entry = this.entryAt(number, slot, step);
      cards.push(nova.levelCard(this.memory, { level, table, index, slot }, entry, step));
      [number, table] = entry ? [entry.nextLevel, entry.nextTable] : [null, null];
    }
    return cards;
  }

  entryAt(level, slot, step) {
    const log = this.log.get(`${level} ${slot}`) || [];
    return log.findLast((entry) => entry.step <= step) || null;
  }
};

nova.parseAddress = function (text) {
  try {
    const value = BigInt(text.trim());
    return value < 0n ? null : value;
  } catch {
    return null;
  }
};

nova.levelCard = function (memory, place, entry, step) {
  const { el } = nova;
  const { level, table, index, slot } = place;
  const fresh = entry !== null && entry.step === step;
  const frame = entry && entry.frame !== null ? nova.ownerOf(memory, entry.frame, step) : null;
  return el("li", { class: `level ${fresh ? "fresh" : ""} ${entry && entry.valid ? "valid" : "empty"}` },
    el("div", null, el("strong", { class: "word" }, `${level.name}[${index}]`), el("span", { class: "quiet" }, ` bits ${level.hi}:${level.lo}`)),
    el("div", { class: "word" }, entry ? entry.word : "0x0000000000000000"),
    el("div", null, entry ? entry.text : "empty"),
    frame === null ? null : el("div", { class: frame.owned ? "" : "bad" }, frame.text),
    el("div", { class: "quiet" }, `table ${nova.hex(table)}, entry ${nova.hex(slot)}`),
    el("div", { class: "quiet" }, nova.writtenWhen(entry, step)));
};

nova.writtenWhen = function (entry, step) {
  if (entry === null) return "never written in this run";
  if (entry.step < 0) return "written before the first step";
  return `${entry.step === step ? "written at this very step" : `written at step ${entry.step + 1}`} by ${entry.task}`;
};

/** Whose the frame is that a leaf maps: a valid entry to a free frame is what the sanitizer is there for. */
nova.ownerOf = function (memory, frame, step) {
  const run = memory.runs.find((each) => each.space === null && each.start <= frame && frame < each.start + each.count && nova.alive(each, step));
  return run ? { owned: true, text: `frame of ${run.owner}` } : { owned: false, text: "! a frame that no client owns at this step" };
};

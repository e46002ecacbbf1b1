// The schedule: a track for each task and each lock, drawn by vis-timeline. The axis counts steps from 1, each a
// millisecond of the library's time, so that two steps never fall together; in the document they count from 0.
"use strict";

nova.eventText = function (timeline, index) {
  const event = timeline.events[index];
  const detail = event.detail ? ` (${event.detail})` : "";
  return `${timeline.tasks[event.task]} ${event.kind.verb} ${event.what}${detail}`;
};

nova.timeline = function (timeline, id, stepper) {
  const { el } = nova;
  const canvas = el("div", { class: "timeline", role: "img", "aria-label": nova.timelineSummary(timeline) });
  const drawing = new nova.TimelineDrawing(timeline, canvas, stepper);
  const zoom = el("div", { class: "controls" },
    el("button", { type: "button", click: () => drawing.zoom(-0.5) }, "zoom out"),
    el("button", { type: "button", click: () => drawing.zoom(0.5) }, "zoom in"),
    el("button", { type: "button", click: () => drawing.fit() }, "fit"));
  const part = nova.part(`${id}-timeline`, "Schedule", el("p", { class: "quiet" }, nova.timelineSummary(timeline)),
    el("div", { class: "bar" }, nova.stepControls(stepper), zoom), canvas, nova.timelineLegend(timeline),
    nova.now(timeline, stepper));
  part.start = () => drawing.start();
  part.drawing = drawing;
  return part;
};

nova.timelineSummary = function (timeline) {
  const { count } = nova;
  const cut = timeline.left_out ? `; ${count(timeline.left_out, "earlier step")} left out of this page` : "";
  return `${count(timeline.events.length, "step")} by ${count(timeline.tasks.length, "task")} on ${count(timeline.locks.length, "lock")}${cut}.`;
};

nova.timelineLegend = function (timeline) {
  const { el } = nova;
  const looks = new Map();
  for (const { letter, group, name } of timeline.kinds) {
    const look = `${letter} ${group}`;
    looks.set(look, { letter, group, names: [...(looks.get(look)?.names || []), name] });
  }
  const entries = [...looks.values()].map(({ letter, group, names }) => el("li", null,
    el("span", { class: `glyph ${group}` }, letter), names.join(", ")));
  return el("details", null, el("summary", null, "What the letters mean"), el("ul", { class: "legend" }, entries,
    el("li", null, el("span", { class: "swatch hold" }), "lock held"),
    el("li", null, el("span", { class: "swatch wait" }), "waiting (hatched)"),
    el("li", null, el("span", { class: "swatch work" }), "in a call or a job")));
};

nova.TimelineDrawing = class {
  constructor(timeline, canvas, stepper) {
    this.timeline = timeline;
    this.canvas = canvas;
    this.stepper = stepper;
    this.end = timeline.events.length;
  }

  start() {
    this.items = new vis.DataSet(this.build());
    this.vis = new vis.Timeline(this.canvas, this.items, this.groups(), this.options());
    this.vis.addCustomTime(this.stepper.step + 1.5, "step");
    this.vis.on("click", (event) => this.clicked(event));
    this.vis.on("rangechange", () => this.fitText());
    this.vis.on("changed", () => this.highlight());
    this.fitText();
    this.stepper.listen((step) => this.show(step));
  }

  /** Where a cell has no room for a word, its letter has to do. */
  fitText() {
    const { start, end } = this.vis.getWindow();
    const width = this.canvas.clientWidth / (end.valueOf() - start.valueOf());
    this.canvas.classList.toggle("letters", width < 70);
  }

  options() {
    const begin = Math.max(0.5, this.stepper.step + 1.5 - this.firstWindow() / 2);
    const number = (date) => String(Math.round(date.valueOf()));
    return {
      min: 0, max: this.end + 2, start: begin, end: begin + Math.min(this.end + 1, this.firstWindow()), zoomMin: 6, zoomMax: this.end + 2,
      stack: true, order: (one, other) => one.layer - other.layer, showCurrentTime: false, orientation: "top", showMajorLabels: false, zoomKey: "ctrlKey", horizontalScroll: true,
      margin: { item: { horizontal: 0, vertical: 3 }, axis: 4 }, maxHeight: 620, verticalScroll: true, selectable: false,
      moment: (date) => vis.moment(date).utc(), format: { minorLabels: number }, showTooltips: true, groupHeightMode: "fitItems",
      tooltip: { followMouse: true, overflowMethod: "flip", delay: 100 },
    };
  }

  firstWindow() {
    return Math.max(12, Math.floor((this.canvas.clientWidth - 200) / 26));
  }

  groups() {
    const { timeline } = this;
    const label = (kind, name) => nova.el("span", { class: "track" }, nova.el("span", { class: "track-kind" }, kind), name);
    const rows = timeline.tasks.map((name, index) => ({ id: `task ${index}`, content: label("task", name), className: "task-track" }));
    rows.push(...timeline.locks.map(({ name, kind }, index) => ({ id: `lock ${index}`, content: label(kind, name), className: "lock-track" })));
    if (timeline.findings.length) rows.unshift({ id: "findings", content: label("", "findings"), className: "finding-track" });
    return new vis.DataSet(rows.map((row, order) => ({ ...row, order })));
  }

  build() {
    const { timeline } = this;
    const events = timeline.events.map((event, index) => this.cell(event, index));
    const holds = timeline.holds.map((hold, index) => this.range(`hold ${index}`, `lock ${hold.lock}`, hold, "hold", hold.task));
    const waits = timeline.waits.map((wait, index) => this.range(`wait ${index}`, `task ${timeline.tasks.indexOf(wait.task)}`, wait, "wait", `waits for ${wait.what}`));
    const work = timeline.work.map((part, index) => this.range(`work ${index}`, `task ${timeline.tasks.indexOf(part.task)}`, part, "work", part.what));
    const findings = timeline.findings.map((finding, index) => ({
      id: `finding ${index}`, group: "findings", start: finding.step + 1, end: finding.step + 2, type: "range", layer: 0, className: "finding-item",
      content: nova.html(`! ${finding.code}`), title: nova.html(`${finding.code}: ${finding.message}`), step: finding.step,
    }));
    return [...events, ...holds, ...waits, ...work, ...findings];
  }

  cell(event, index) {
    const { letter, group } = event.kind;
    return {
      id: `event ${index}`, group: `task ${event.task}`, start: index + 1, end: index + 2, type: "range", layer: 0, className: `event ${group} step-${index}`, step: index,
      content: `<b>${nova.html(letter)}</b><span> ${nova.html(event.what)}</span>`,
      title: nova.html(`step ${index + 1}, ${nova.eventText(this.timeline, index)}`),
    };
  }

  range(id, group, span, kind, text) {
    const end = span.end === null ? this.end : span.end;
    const open = span.end === null ? ", to the end" : "";
    return { id, group, start: span.start + 1, end: end + 1, type: "range", layer: kind === "wait" ? 1 : 2, className: kind + (open ? " open" : ""), content: nova.html(text),
      title: nova.html(`${text}, from step ${span.start + 1}${open || ` to ${end}`}`), step: span.start };
  }

  clicked(event) {
    const item = event.item === null ? null : this.items.get(event.item);
    const step = item && item.className.startsWith("event") ? item.step : Math.floor(event.time.valueOf()) - 1;
    this.stepper.go(step);
  }

  show(step) {
    this.vis.setCustomTime(step + 1.5, "step");
    const view = this.vis.getWindow();
    const inside = view.start.valueOf() <= step + 1 && step + 2 <= view.end.valueOf();
    if (inside) this.highlight();
    else this.vis.moveTo(step + 1.5, { animation: false });
  }

  /** Marks the cell of the step, where it is drawn; telling the library would have it lay out everything again. */
  highlight() {
    for (const cell of this.canvas.querySelectorAll(".at-step")) cell.classList.remove("at-step");
    for (const cell of this.canvas.querySelectorAll(`.step-${this.stepper.step}`)) cell.classList.add("at-step");
  }

  zoom(by) {
    if (by > 0) this.vis.zoomIn(by, { animation: false });
    else this.vis.zoomOut(-by, { animation: false });
  }

  fit() {
    this.vis.setWindow(0.5, this.end + 1.5, { animation: false });
  }
};

/** The library puts what it is given in as HTML; the text of a finding must not become any. */
nova.html = (text) => nova.el("span", null, text).innerHTML;

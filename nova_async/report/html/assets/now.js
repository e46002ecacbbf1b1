// The chosen step in words: what happens, who holds what, who waits.
"use strict";

/** What happens at the step, who holds what, who waits. */
nova.now = function (timeline, stepper) {
  const { el } = nova;
  const sentence = el("p", { class: "now-sentence", "aria-live": "polite" });
  const held = el("div", { class: "now-held" });
  const nearby = el("div", { class: "now-nearby" });
  stepper.listen((step) => {
    if (timeline.events.length === 0) return;
    const event = timeline.events[step];
    sentence.replaceChildren(el("strong", null, `Step ${step + 1}. `), nova.eventText(timeline, step),
      el("span", { class: "quiet" }, ` · scheduling point ${event.point}`));
    held.replaceChildren(nova.heldTable(timeline, step));
    nearby.replaceChildren(nova.nearby(timeline, step, stepper));
  });
  return el("div", { class: "now" }, sentence, el("div", { class: "now-grid" }, held, nearby));
};

nova.covers = (span, step) => span.start <= step && (span.end === null || step < span.end);

nova.heldTable = function (timeline, step) {
  const { el } = nova;
  const holds = timeline.holds.filter((hold) => nova.covers(hold, step));
  const waits = timeline.waits.filter((wait) => nova.covers(wait, step));
  const rows = holds.map((hold) => [timeline.locks[hold.lock].name, hold.task, `since step ${hold.start + 1}`,
    waits.filter((wait) => wait.what === timeline.locks[hold.lock].name).map((wait) => wait.task).join(", ")]);
  const others = waits.filter((wait) => !holds.some((hold) => timeline.locks[hold.lock].name === wait.what));
  rows.push(...others.map((wait) => [wait.what, "", "", wait.task]));
  if (rows.length === 0) return el("p", { class: "quiet" }, "No lock is held and nobody waits.");
  return nova.table("Who holds what, and who waits for it", ["lock, context or fence", "held by", "", "waiting for it"], rows);
};

/** The schedule in words around the step, one column for each task, as the terminal prints it. */
nova.nearby = function (timeline, step, stepper) {
  const { el } = nova;
  const first = Math.max(0, Math.min(step - 4, timeline.events.length - 9));
  const around = timeline.events.slice(first, first + 9);
  const tasks = [...new Set(around.map((event) => event.task))].sort((a, b) => a - b);
  const row = (event, index) => el("tr", { "aria-current": first + index === step ? "step" : null },
    el("th", { scope: "row" }, el("button", { type: "button", class: "link", "aria-label": `go to step ${first + index + 1}`,
      click: () => stepper.go(first + index) }, String(first + index + 1))),
    tasks.map((task) => el("td", { "data-of": timeline.tasks[task] }, task === event.task ? `${event.kind.verb} ${event.what}` : null)));
  return el("div", { class: "scroll" }, el("table", { class: "columns" },
    el("caption", null, "The steps around it"),
    el("thead", null, el("tr", null, el("th", { scope: "col" }, "step"), tasks.map((task) => el("th", { scope: "col" }, timeline.tasks[task])))),
    el("tbody", null, around.map(row))));
};

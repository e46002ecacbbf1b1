// lock_stat, what an exploration covered, and what a run counted.
"use strict";

nova.lockStat = function (rows, id) {
  const times = (values) => (values.count === 0 ? "never" : [values.min, values.avg, values.p99, values.max].map(nova.microseconds).join(" / "));
  const cells = rows.map((row) => [row.name, row.acquisitions.toLocaleString("en"), nova.share(row.contentions, row.acquisitions),
    times(row.wait), times(row.hold), row.longest_at ? `${row.longest_holder} at ${row.longest_at}` : row.longest_holder]);
  return nova.part(`${id}-lock-stat`, "Lock statistics", nova.table("Times in µs: least / mean / 99th percentile / most. The most contended lock first.",
    ["lock class", "taken", "had to wait", "waiting", "holding", "held longest by"], cells, { class: "numbers" }));
};

nova.microseconds = (ns) => (ns / 1000).toFixed(1);

/** A count with a bar of its share; the number says the same. */
nova.share = function (part, whole) {
  const { el } = nova;
  const percent = whole ? Math.round((100 * part) / whole) : 0;
  return el("span", { class: "share" }, `${part.toLocaleString("en")} (${percent} %)`, el("meter", { min: 0, max: Math.max(whole, 1), value: part, "aria-hidden": "true" }));
};

nova.exploration = function (exploration, id) {
  const { el, count } = nova;
  const numbers = [["executions", exploration.executions], ["states", exploration.states], ["steps", exploration.steps]];
  const verdict = exploration.complete ? "Every reachable order was covered."
    : `Not every order was covered: ${exploration.incomplete_because.join("; ") || "it was stopped"}.`;
  const outcomes = Object.entries(exploration.outcomes).map(([what, times]) => [what, nova.share(times, exploration.executions)]);
  return nova.part(`${id}-exploration`, "Exploration", el("p", null, el("strong", null, verdict)), nova.figures(numbers),
    outcomes.length ? nova.table(`How the ${count(exploration.executions, "execution")} ended`, ["result", "executions"], outcomes) : null,
    exploration.failures.map((failure) => nova.failure(failure)));
};

/** The order in which it goes wrong, one column for each task. */
nova.failure = function (failure) {
  const { el, count } = nova;
  const tasks = [...new Set(failure.steps.map(([task]) => task))];
  const rows = failure.steps.map(([who, did], index) => [String(index + 1), ...tasks.map((task) => (task === who ? did : ""))]);
  const caption = `${count(failure.steps.length, "step")}, ${count(failure.preemptions, "preemption")}, seen in ${count(failure.count, "execution")}`;
  return el("details", null, el("summary", null, failure.message), nova.table(caption, ["step", ...tasks], rows, { class: "columns" }));
};

nova.figures = (figures) => nova.el("dl", { class: "figures" }, figures.map(([name, value]) => nova.el("div", null,
  nova.el("dt", null, name), nova.el("dd", null, value.toLocaleString("en")))));

nova.stats = function (scenario, id) {
  const figures = Object.entries(scenario.stats);
  if (figures.length === 0) return null;
  const hint = scenario.lock_stat ? null : nova.el("p", { class: "quiet" }, "For how long locks were held and waited for: run it with --lock-stat.");
  return nova.part(`${id}-stats`, "What the run counted", nova.figures(figures), hint);
};

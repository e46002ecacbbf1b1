// Puts the page together: the verdict, then a list of scenarios, each drawn when it is first opened.
"use strict";

nova.active = null;

nova.verdict = function (report) {
  const { el } = nova;
  const codes = report.codes.map(([code, slug, times]) => el("li", null, el("span", { class: "code" }, code), ` ${slug} × ${times}`));
  return [
    el("p", { class: "tool" }, report.tool),
    el("h1", { class: report.ok ? "good" : "bad" }, el("span", { class: "mark", "aria-hidden": "true" }, report.ok ? "✓" : "✗"), report.verdict),
    codes.length ? el("ul", { class: "codes", "aria-label": "Findings by rule" }, codes) : el("p", { class: "quiet" }, "No findings."),
    report.coverage ? el("p", { class: "quiet" }, report.coverage) : null,
  ];
};

nova.VERDICTS = { passed: "✓ met", failed: "✗ unmet", error: "✗ error", skipped: "○ not run" };

nova.scenario = function (scenario, index) {
  const { el } = nova;
  const id = `scenario-${index}`;
  const body = el("div", { class: "body" });
  const details = el("details", { class: `scenario ${scenario.mark}`, id },
    el("summary", null,
      el("span", { class: "mark" }, nova.VERDICTS[scenario.mark]),
      el("span", { class: "summary-text" }, el("h2", null, scenario.name), el("span", { class: "question" }, scenario.question)),
      el("span", { class: "quiet expectation" }, `expected ${scenario.expected.join(", ") || "clean"}`)),
    body);
  let drawn = false;
  details.addEventListener("toggle", () => {
    if (!details.open || drawn) return;
    drawn = true;
    nova.draw(nova.unpack(scenario), id, body);
  });
  return details;
};

nova.draw = function (scenario, id, body) {
  const { el } = nova;
  const steps = scenario.timeline ? scenario.timeline.events.length : 0;
  const stepper = new nova.Stepper(steps, scenario.first_step);
  let timeline = null;
  const onStep = (step) => {
    stepper.go(step);
    if (timeline) timeline.scrollIntoView({ block: "start" });
  };
  const graph = scenario.graph ? nova.lockGraph(scenario.graph, id) : null;
  timeline = steps ? nova.timeline(scenario.timeline, id, stepper) : null;
  const parts = [
    nova.findings(scenario, id, onStep), graph, timeline,
    scenario.memory ? nova.memory(scenario.memory, id, stepper) : null,
    scenario.lock_stat ? nova.lockStat(scenario.lock_stat, id) : null,
    scenario.exploration ? nova.exploration(scenario.exploration, id) : null,
    nova.stats(scenario, id),
  ].filter(Boolean);
  const links = parts.map((part) => el("a", { href: `#${part.id}` }, part.querySelector("h3").textContent));
  body.append(nova.facts(scenario), el("nav", { "aria-label": `Parts of ${scenario.name}` }, links), ...parts);
  for (const part of parts) if (part.start) part.start();
  const view = { stepper, timeline };
  const touch = () => { nova.active = view; };
  body.addEventListener("focusin", touch);
  body.addEventListener("pointerdown", touch);
  if (nova.active === null && steps) nova.active = view;
};

nova.facts = function (scenario) {
  const { el } = nova;
  const facts = [["verdict", scenario.verdict], ["file", scenario.file], ...Object.entries(scenario.properties)];
  return el("div", { class: "facts" },
    el("dl", null, facts.filter(([, value]) => value).map(([name, value]) => el("div", null, el("dt", null, name), el("dd", null, value)))),
    scenario.command ? [el("p", { class: "label" }, "Run it again"), nova.command(scenario.command)] : null);
};

nova.KEYS = {
  ArrowLeft: ({ stepper }) => stepper.go(stepper.step - 1),
  ArrowRight: ({ stepper }) => stepper.go(stepper.step + 1),
  Home: ({ stepper }) => stepper.go(0),
  End: ({ stepper }) => stepper.go(stepper.count - 1),
  "+": ({ timeline }) => timeline && timeline.drawing.zoom(0.5),
  "-": ({ timeline }) => timeline && timeline.drawing.zoom(-0.5),
  0: ({ timeline }) => timeline && timeline.drawing.fit(),
};

/** Keys that a control of its own uses stay with it: text fields, lists, and a slider, which moves the same way. */
nova.onKey = function (event) {
  if (event.altKey || event.ctrlKey || event.metaKey || nova.active === null) return;
  if (event.target.closest("input, select, textarea, [role=region]")) return;
  const act = nova.KEYS[event.key];
  if (!act) return;
  event.preventDefault();
  act(nova.active);
};

nova.start = function () {
  const report = JSON.parse(document.getElementById("nova-document").textContent);
  document.getElementById("verdict").append(...nova.verdict(report).filter(Boolean));
  const sections = report.scenarios.map((scenario, index) => nova.scenario(scenario, index));
  document.getElementById("scenarios").append(...sections);
  const first = Math.max(report.scenarios.findIndex((scenario) => !scenario.passed), 0);
  const wanted = sections.length && (sections.length === 1 || !report.scenarios[first].passed);
  if (wanted) sections[first].open = true;
  document.addEventListener("keydown", nova.onKey);
};

nova.start();

// What was found: the rule, what happened, how it can go wrong, how to see it again.
"use strict";

nova.findings = function (scenario, id, onStep) {
  const { el, count } = nova;
  const errors = scenario.errors.length === 0 ? null : el("article", { class: "card bad" },
    el("h4", null, "The scenario raised an exception"),
    el("ul", null, scenario.errors.map((error) => el("li", null, el("code", null, error)))),
    scenario.traceback ? el("details", null, el("summary", null, "Traceback"), el("pre", null, scenario.traceback)) : null);
  const cards = scenario.findings.map((finding, index) => nova.finding(finding, `${id}-finding-${index}`, onStep));
  const none = errors || cards.length ? null : el("p", { class: "quiet" }, "Nothing was found in this run.");
  return nova.part(`${id}-findings`, cards.length ? count(cards.length, "finding") : "Findings", errors, none, cards);
};

nova.finding = function (finding, id, onStep) {
  const { el } = nova;
  const severity = finding.severity === "proved" ? "proved: it happened" : "possible: the order allows it";
  const expected = finding.expected ? "expected" : "unexpected";
  return el("article", { class: `card ${finding.expected ? "" : "bad"}`, id, "aria-labelledby": `${id}-title` },
    el("h4", { id: `${id}-title` },
      el("span", { class: "code" }, finding.code), " ", finding.slug,
      el("span", { class: "badge" }, severity),
      el("span", { class: `badge ${expected}` }, expected)),
    el("p", { class: "message" }, finding.message),
    el("div", { class: "evidence" }, nova.columns(finding), nova.chain(finding), nova.held(finding)),
    finding.advice ? el("p", { class: "advice" }, el("strong", null, "What to do: "), finding.advice) : null,
    el("div", { class: "commands" },
      finding.replay ? nova.command(finding.replay) : null, nova.command(finding.explain),
      finding.step === null ? null : el("button", { type: "button", class: "to-step", click: () => onStep(finding.step) },
        `go to step ${finding.step + 1}, where it was found`)));
};

nova.columns = function (finding) {
  const { el } = nova;
  if (finding.columns.length === 0) return null;
  const tasks = [...new Set(finding.columns.map(([task]) => task))];
  const rows = finding.columns.map(([who, step], index) => [
    String(index + 1), ...tasks.map((task) => (task === who ? step : ""))]);
  return nova.table("How it can go wrong", ["step", ...tasks], rows, { class: "columns" });
};

nova.witnesses = (witnesses, withTask) => nova.el("ol", null, witnesses.map((witness) => nova.el("li", null,
  withTask && witness.task ? nova.el("strong", null, `${witness.task}: `) : null, witness.did,
  witness.sites.map((site, index) => nova.el("div", { class: "site" }, `${index ? "by" : "at"} ${site}`)))));

nova.chain = function (finding) {
  const { el } = nova;
  if (finding.chain.length === 0) return null;
  const title = finding.chain.length > 1 ? "The chain, each step as it was first seen" : "Where it happened";
  return el("details", { open: finding.columns.length === 0 },
    el("summary", null, title), nova.witnesses(finding.chain, finding.chain.length > 1));
};

nova.held = function (finding) {
  const { el } = nova;
  if (finding.held.length === 0) return null;
  return el("details", null, el("summary", null, "Held at that moment, oldest first"), nova.witnesses(finding.held, true));
};

// The lock graph: an arrow from A to B says that B was taken while A was held. The picture is drawn by cytoscape and
// laid out by dagre; the table below it says the same for those who cannot see it or want the places.
"use strict";

nova.lockGraph = function (graph, id) {
  const { el } = nova;
  const canvas = el("div", { class: "graph", role: "img", "aria-label": nova.graphSummary(graph) });
  const details = el("p", { class: "graph-details", "aria-live": "polite" },
    "Choose a lock or an arrow, here or in the table, to see who did it first.");
  const drawing = new nova.GraphDrawing(graph, canvas, (text) => { details.textContent = text; });
  const buttons = el("div", { class: "controls" }, nova.graphViews(graph, drawing),
    el("button", { type: "button", click: () => drawing.zoom(1.25) }, "zoom in"),
    el("button", { type: "button", click: () => drawing.zoom(0.8) }, "zoom out"),
    el("button", { type: "button", click: () => drawing.fit() }, "fit"));
  const part = nova.part(`${id}-graph`, "Lock graph",
    el("p", { class: "cycle-text" }, nova.graphSummary(graph)), buttons, canvas, nova.graphLegend(), details,
    nova.edgeTable(graph, drawing));
  part.start = () => drawing.draw(graph.cycles.length ? "cycle" : "taken");
  return part;
};

/** How much of the graph is drawn: a cycle alone is seen at a glance, among all the rest it is not. */
nova.graphViews = function (graph, drawing) {
  const { el } = nova;
  const option = (value, text, keep) => el("option", { value }, `${text} (${nova.count(graph.classes.filter(keep).length, "node")})`);
  return el("label", null, "show ", el("select", { change: (event) => drawing.draw(event.target.value) },
    graph.cycles.length ? option("cycle", "the cycle", nova.VIEWS.cycle) : null,
    option("taken", "what was taken in this run", nova.VIEWS.taken),
    option("all", "everything declared", nova.VIEWS.all)));
};

nova.VIEWS = { cycle: (node) => node.cycle, taken: (node) => !node.background, all: () => true };

nova.graphSummary = function (graph) {
  if (graph.cycles.length === 0) {
    return `${nova.count(graph.classes.length, "lock class")}`.replace("classs", "classes")
      + `, ${nova.count(graph.edges.length, "arrow")}, no cycle was found.`;
  }
  return graph.cycles.map((cycle) => `${cycle.code}, a cycle: ${cycle.classes.join(" → ")} → ${cycle.classes[0]}`).join("; ");
};

nova.graphLegend = function () {
  const { el } = nova;
  const entry = (kind, text) => el("li", null, el("span", { class: `swatch ${kind}` }), text);
  return el("ul", { class: "legend" },
    entry("edge", "A → B: B was taken while A was held"),
    entry("edge cycle", "thick and numbered: on a cycle"),
    entry("edge rule", "dashed: a rule or a declaration, nobody did it"),
    entry("node", "lock"),
    entry("node context", "cut corners: not a lock but a context (reclaim, fence)"));
};

nova.edgeText = function (edge) {
  if (!edge.task) return `${edge.held} → ${edge.taken}: ${edge.manner || "declared"}`;
  const held = edge.held_at ? `, held since ${edge.held_at}` : "";
  const taken = edge.taken_at ? ` at ${edge.taken_at}` : "";
  return `${edge.held} → ${edge.taken}: first by ${edge.task}${taken}${held}`;
};

nova.edgeTable = function (graph, drawing) {
  const { el } = nova;
  const rows = graph.edges.map((edge, index) => {
    const choose = el("button", { type: "button", class: "link", click: () => drawing.choose(index) }, `${edge.held} → ${edge.taken}`);
    return [choose, edge.cycle.length ? `step ${edge.cycle.join(", ")} of the cycle` : "",
      edge.task || edge.manner, edge.taken_at, edge.held_at];
  });
  return el("details", { class: "edges" }, el("summary", null, `All ${nova.count(graph.edges.length, "arrow")} as a table`),
    nova.table("Lock order, with the first witness of each arrow", ["order", "cycle", "first by", "taken at", "held since"], rows));
};

nova.GraphDrawing = class {
  constructor(graph, canvas, say) {
    this.graph = graph;
    this.canvas = canvas;
    this.say = say;
    this.cy = null;
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.cy && this.cy.style(this.style()));
  }

  draw(view) {
    this.view = view;
    if (this.cy) this.cy.destroy();
    this.cy = cytoscape({
      container: this.canvas, elements: this.elements(nova.VIEWS[view]), style: this.style(),
      autoungrabify: true, userZoomingEnabled: false, maxZoom: 2.5, minZoom: 0.2, boxSelectionEnabled: false,
    });
    this.layout();
    this.cy.on("select", "node, edge", (event) => this.told(event.target));
    new ResizeObserver(() => this.cy && this.cy.resize() && this.fit()).observe(this.canvas);
  }

  layout() {
    const narrow = this.canvas.clientWidth < 640;
    const layered = { name: "dagre", rankDir: narrow ? "TB" : "LR", nodeSep: 30, edgeSep: 18, rankSep: 70, fit: false,
      useDagreEdgeControlPoints: true };
    this.cy.layout(this.view === "cycle" ? this.ring() : layered).run();
    this.fit();
  }

  /** The nodes of the cycles on an ellipse, in the order in which the cycle goes through them. */
  ring() {
    const names = [...new Set(this.graph.cycles.flatMap((cycle) => cycle.classes))];
    const wide = Math.min(this.canvas.clientWidth * 0.36, 420);
    const high = Math.max(this.canvas.clientHeight * 0.34, 60);
    const turn = (name) => Math.PI + (2 * Math.PI * names.indexOf(name)) / names.length;
    return { name: "preset", fit: false, positions: (node) => ({ x: wide * Math.cos(turn(node.id())), y: high * Math.sin(turn(node.id())) }) };
  }

  elements(keep) {
    const shown = this.graph.classes.filter(keep);
    const names = new Set(shown.map((node) => node.name));
    const nodes = shown.map((node) => ({
      data: { id: node.name, label: nova.nodeLabel(node), width: nova.nodeWidth(node), height: node.rank === null ? 34 : 48 },
      classes: [node.role === "lock" ? "" : "context", node.cycle ? "cycle" : ""].join(" "),
    }));
    const edges = this.graph.edges.flatMap((edge, index) => (names.has(edge.held) && names.has(edge.taken) ? [{
      data: { id: `edge ${index}`, source: edge.held, target: edge.taken, label: nova.edgeLabel(edge), index },
      classes: [edge.cycle.length ? "cycle told" : "", !edge.task ? "rule" : ""].join(" "),
    }] : []));
    return [...nodes, ...edges];
  }

  style() {
    const colour = nova.colour;
    const font = { "font-family": "monospace", color: colour("ink") };
    return [
      { selector: "node", style: { ...font, label: "data(label)", shape: "round-rectangle", "background-color": colour("raised"),
        "border-color": colour("line-strong"), "border-width": 1.5, "text-valign": "center", "text-wrap": "wrap", "font-size": 13,
        "line-height": 1.3, width: "data(width)", height: "data(height)" } },
      { selector: "node.context", style: { shape: "cut-rectangle", "background-color": colour("sunken") } },
      { selector: "node.cycle", style: { "border-color": colour("bad"), "border-width": 3 } },
      { selector: "edge", style: { ...font, "curve-style": "bezier", "control-point-step-size": 70, width: 1.5,
        "line-color": colour("line-strong"), "target-arrow-color": colour("line-strong"), "target-arrow-shape": "triangle",
        "font-size": 11, color: colour("quiet"), "text-background-color": colour("page"), "text-background-opacity": 1,
        "text-background-padding": 3, "text-wrap": "wrap" } },
      { selector: "edge.told, edge:selected", style: { label: "data(label)" } },
      { selector: "edge.rule", style: { "line-style": "dashed" } },
      { selector: "edge.cycle", style: { width: 3.5, "line-color": colour("bad"), "target-arrow-color": colour("bad"),
        color: colour("bad-ink"), "font-weight": "bold", "z-index": 2 } },
      { selector: ":selected", style: { "overlay-color": colour("accent"), "overlay-opacity": 0.25, "overlay-padding": 5 } },
    ];
  }

  choose(index) {
    const chosen = this.cy.getElementById(`edge ${index}`);
    this.cy.elements().unselect();
    if (chosen.empty()) this.say(nova.edgeText(this.graph.edges[index]));
    else chosen.select();
  }

  told(element) {
    if (element.isEdge()) this.say(nova.edgeText(this.graph.edges[element.data("index")]));
    else this.say(nova.nodeText(this.graph.classes.find((node) => node.name === element.id())));
  }

  zoom(factor) {
    this.cy.zoom({ level: this.cy.zoom() * factor, renderedPosition: { x: this.canvas.clientWidth / 2, y: this.canvas.clientHeight / 2 } });
  }

  fit() {
    this.cy.fit(undefined, 24);
    if (this.cy.zoom() > 1.2) {
      this.cy.zoom(1.2);
      this.cy.center();
    }
  }
};

nova.nodeLabel = (node) => (node.rank === null ? node.name : `${node.name}\norder ${node.rank}`);

/** Room for the longest line: cytoscape no longer measures labels itself. */
nova.nodeWidth = (node) => Math.max(node.name.length, 7) * 8 + 24;

nova.nodeText = function (node) {
  const says = [
    node.role === "lock" ? "a lock class" : `not a lock but a context: ${node.role}`,
    node.rank === null ? "" : `order ${node.rank} in the lock table`,
    node.fence_path ? "taken in the fence-signalling path" : "",
    node.no_reclaim ? "must not be held across an allocation that may reclaim" : "",
  ];
  return `${node.name}: ${says.filter(Boolean).join("; ")}`;
};

nova.edgeLabel = function (edge) {
  const number = edge.cycle.length ? `${edge.cycle.join(", ")} · ` : "";
  if (!edge.task) return edge.cycle.length ? `${number}rule` : "";
  const place = edge.taken_at ? `\n${edge.taken_at.replace(/ in .*/, "").replace(/^.*\//, "")}` : "";
  return `${number}${edge.task}${place}`;
};

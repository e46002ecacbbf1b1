// Which step of a schedule is shown. The views of one scenario listen to one stepper.
"use strict";

nova.Stepper = class {
  /** @param {number} count how many steps there are */
  constructor(count, step) {
    this.count = count;
    this.step = Math.min(Math.max(step, 0), Math.max(count - 1, 0));
    this.listeners = [];
  }

  /** Call `listener` now and after every move. */
  listen(listener) {
    this.listeners.push(listener);
    listener(this.step);
  }

  go(step) {
    const wanted = Math.min(Math.max(step, 0), this.count - 1);
    if (wanted === this.step || this.count === 0) return;
    this.step = wanted;
    for (const listener of this.listeners) listener(wanted);
  }
};

/** First, back, slider, forward, last, and where we are. */
nova.stepControls = function (stepper) {
  const { el } = nova;
  const button = (label, text, act) => el("button", { type: "button", "aria-label": label, title: label, click: act }, text);
  const slider = el("input", {
    type: "range", class: "step-slider", min: 1, max: stepper.count, value: 1, "aria-label": "Step of the schedule",
    input: (event) => stepper.go(Number(event.target.value) - 1),
  });
  const where = el("output", { class: "step-number" });
  stepper.listen((step) => {
    slider.value = step + 1;
    where.textContent = `step ${step + 1} of ${stepper.count}`;
  });
  return el("div", { class: "controls", role: "group", "aria-label": "Step through the schedule" },
    button("First step (Home)", "|◀", () => stepper.go(0)),
    button("One step back (left arrow)", "◀", () => stepper.go(stepper.step - 1)),
    slider,
    button("One step forward (right arrow)", "▶", () => stepper.go(stepper.step + 1)),
    button("Last step (End)", "▶|", () => stepper.go(stepper.count - 1)),
    where);
};

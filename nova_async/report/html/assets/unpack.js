// The document keeps long lists as rows of plain values, to stay small. Here they get their names back.
"use strict";

nova.unpack = function (scenario) {
  if (scenario.timeline) nova.unpackTimeline(scenario.timeline);
  if (scenario.memory) nova.unpackMemory(scenario.memory);
  return scenario;
};

nova.unpackTimeline = function (timeline) {
  timeline.kinds = timeline.kinds.map(([name, letter, group, verb]) => ({ name, letter, group, verb }));
  timeline.events = timeline.events.map(([point, task, kind, what, detail]) => ({ point, task, kind: timeline.kinds[kind], what, detail }));
  timeline.locks = timeline.locks.map(([name, kind]) => ({ name, kind }));
  timeline.holds = timeline.holds.map(([lock, task, start, end]) => ({ lock, task, start, end }));
  timeline.waits = timeline.waits.map(([what, task, start, end]) => ({ what, task, start, end }));
  timeline.work = timeline.work.map(([what, task, start, end]) => ({ what, task, start, end }));
  timeline.findings = timeline.findings.map(([step, code, message]) => ({ step, code, message }));
};

nova.unpackMemory = function (memory) {
  memory.runs = memory.runs.map(([owner, space, start, count, since, until]) => ({ owner, space, start, count, since, until }));
  memory.spaces = memory.spaces.map(([name, pdb, since, until]) => ({ name, pdb, since, until }));
  memory.entries = memory.entries.map(([level, slot, step, task, word, text, valid, nextLevel, nextTable, frame, va, space]) => (
    { level, slot, step, task, word, text, valid, nextLevel, nextTable, frame, va, space }));
};

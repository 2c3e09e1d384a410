"use strict";
// Draws the waterfall. Texts from spans are set as text only, never as markup.
(() => {
  const byId = (id) => document.getElementById(id);
  const trace = JSON.parse(byId("spans").textContent);
  const whole = Math.max(1, trace.duration);
  const tones = 8;
  const stepsOf = new Map();
  for (const [span, start, duration] of trace.path) {
    if (!stepsOf.has(span)) stepsOf.set(span, []);
    stepsOf.get(span).push([start, duration]);
  }

  const rows = trace.rows.map(([depth, below, members], at) => {
    const spans = members.map((index) => trace.spans[index]);
    const start = Math.min(...spans.map((span) => span.start));
    const end = Math.max(...spans.map((span) => span.start + span.duration));
    return {
      at, depth, below, members, spans, start, end, head: spans[0], folded: spans.length > 1,
      failed: spans.some((span) => span.error), hides: 0, odd: spans.some((span) => span.flaws),
      onPath: members.some((index) => stepsOf.has(index)), open: true, node: null, parent: -1,
    };
  });
  const rowOfSpan = new Map();
  const trail = [];
  for (const row of rows) {
    while (trail.length && rows[trail[trail.length - 1]].depth >= row.depth) trail.pop();
    row.parent = trail.length ? trail[trail.length - 1] : -1;
    trail.push(row.at);
    if (!row.folded) rowOfSpan.set(row.members[0], row.at);
    row.open = !row.folded && (rows.length <= 5000 || row.depth < 3);
  }
  // A closed row says what fails below it.
  for (const row of rows) {
    if (row.folded || !row.failed) continue;
    for (let at = row.parent; at >= 0; at = rows[at].parent) rows[at].hides += 1;
  }
  const indexOfId = new Map(trace.spans.map((span, index) => [span.id, index]));

  // Texts.
  const digits = (value) => (value < 10 ? value.toFixed(2) : value < 100 ? value.toFixed(1) : value.toFixed(0));
  function took(ns) {
    if (ns < 1e3) return `${Math.round(ns)} ns`;
    if (ns < 1e6) return `${digits(ns / 1e3)} µs`;
    if (ns < 1e9) return `${digits(ns / 1e6)} ms`;
    const seconds = Math.floor(ns / 1e9);
    if (seconds < 60) return `${digits(ns / 1e9)} s`;
    const two = (value) => String(value).padStart(2, "0");
    if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${two(seconds % 60)} s`;
    return `${Math.floor(seconds / 3600)} h ${two(Math.floor((seconds % 3600) / 60))} min`;
  }
  function make(tag, className, text) {
    const node = document.createElement(tag);
    if (className) node.className = className;
    if (text !== undefined) node.textContent = text;
    return node;
  }

  // Rows.
  const fall = byId("fall");
  const holder = byId("rows");
  const view = { from: 0, to: 1 };
  let focused = 0;
  let chosen = -1;
  let shown = [];
  let query = "";

  function place(node, start, duration) {
    node.style.setProperty("--s", start / whole);
    node.style.setProperty("--d", duration / whole);
    return node;
  }

  function nodeOf(row) {
    if (row.node) return row.node;
    const node = make("div", `row s${row.head.service % tones}`);
    node.setAttribute("role", "row");
    node.setAttribute("aria-level", row.depth + 1);
    node.tabIndex = -1;
    node.dataset.at = row.at;
    node.classList.toggle("on-path", row.onPath);
    node.classList.toggle("failed", row.failed);
    node.classList.toggle("many", row.folded);
    place(node, row.start, row.end - row.start);
    node.append(nameOf(row), trackOf(row));
    node.setAttribute("aria-label", spoken(row));
    row.node = node;
    return node;
  }

  function nameOf(row) {
    const cell = make("div", "name");
    cell.setAttribute("role", "rowheader");
    for (let depth = 0; depth < Math.min(row.depth, 40); depth += 1) cell.append(make("span", "stem"));
    const caret = make("span", "caret");
    caret.setAttribute("aria-hidden", "true");
    const label = make("span", "label", row.head.name);
    label.dir = "auto";
    cell.append(caret, make("span", "dot"), label);
    if (row.folded) cell.append(make("span", "times", `×${row.spans.length.toLocaleString("en")}`));
    if (row.hides) cell.append(make("span", "flag hides", `${row.hides} failed below`));
    if (row.failed) cell.append(make("span", "flag", "!"));
    else if (row.odd) cell.append(make("span", "flag odd", "?"));
    cell.append(make("span", "svc", trace.services[row.head.service]));
    return cell;
  }

  function trackOf(row) {
    const track = make("div", "track");
    track.setAttribute("role", "gridcell");
    if (row.folded) {
      track.append(place(make("div", "bar extent"), row.start, row.end - row.start));
      // A thousand bars in one row look like a few hundred.
      const every = Math.ceil(row.spans.length / 400);
      row.spans.forEach((span, at) => {
        if (at % every === 0) track.append(place(make("div", "bar"), span.start, span.duration));
      });
    } else {
      track.append(place(make("div", "bar"), row.head.start, row.head.duration));
    }
    for (const index of row.members) {
      for (const [start, duration] of stepsOf.get(index) || []) track.append(place(make("div", "step"), start, duration));
    }
    if (!row.folded) {
      for (const event of (row.head.events || []).slice(0, 50)) track.append(place(make("div", "mark"), event[1], 0));
    }
    track.append(make("span", "took", tookOf(row)));
    return track;
  }

  function tookOf(row) {
    return row.folded ? `Σ ${took(row.spans.reduce((sum, span) => sum + span.duration, 0))}` : took(row.head.duration);
  }

  function spoken(row) {
    const parts = [row.head.name, trace.services[row.head.service], tookOf(row)];
    if (row.folded) parts.push(`${row.spans.length} spans`);
    if (row.onPath) parts.push("on the critical path");
    if (row.failed) parts.push("failed");
    return parts.join(", ");
  }

  function matches(row) {
    if (!query) return true;
    return row.spans.some((span) => {
      if (span.text === undefined) {
        span.text = [span.full || span.name, span.id, trace.services[span.service], span.message || "", JSON.stringify(span.attributes || [])].join(" ").toLowerCase();
      }
      return span.text.includes(query);
    });
  }

  function refresh() {
    const onlyPath = byId("only-path").checked;
    const onlyErrors = byId("only-errors").checked;
    const filtering = Boolean(query) || onlyPath || onlyErrors;
    shown = filtering ? filtered(onlyPath, onlyErrors) : unfolded();
    for (const row of shown) {
      const node = nodeOf(row);
      if (row.below > 0) node.setAttribute("aria-expanded", filtering ? "true" : String(row.open));
    }
    holder.replaceChildren(...shown.map((row) => row.node));
    byId("empty").hidden = shown.length > 0;
    if (!shown.includes(rows[focused]) && shown.length) focused = shown[0].at;
    for (const row of shown) row.node.tabIndex = row.at === focused ? 0 : -1;
    drawView();
  }

  function unfolded() {
    const list = [];
    for (let at = 0; at < rows.length; at += rows[at].open ? 1 : rows[at].below + 1) list.push(rows[at]);
    return list;
  }

  // A match shows together with the rows above it, so that its place in the tree stays visible.
  function filtered(onlyPath, onlyErrors) {
    const keep = new Set();
    let hits = 0;
    for (const row of rows) {
      const hit = !row.folded && matches(row) && (!onlyPath || row.onPath) && (!onlyErrors || row.failed);
      if (row.node) row.node.classList.toggle("hit", hit && Boolean(query));
      if (!hit) continue;
      hits += 1;
      nodeOf(row).classList.toggle("hit", Boolean(query));
      for (let at = row.at; at >= 0 && !keep.has(at); at = rows[at].parent) keep.add(at);
    }
    byId("matches").textContent = `${hits.toLocaleString("en")} found`;
    return rows.filter((row) => keep.has(row.at));
  }

  // Time.
  function drawView() {
    const span = view.to - view.from;
    fall.style.setProperty("--v0", view.from);
    fall.style.setProperty("--z", 1 / span);
    for (const row of shown) {
      const left = (row.start / whole - view.from) / span;
      const right = (row.end / whole - view.from) / span;
      row.node.classList.toggle("flip", right > 0.88 && left > 0.14);
      row.node.classList.toggle("inside", right > 0.88 && left <= 0.14);
    }
    const ticks = byId("ticks");
    ticks.replaceChildren();
    for (let fifth = 0; fifth <= 5; fifth += 1) {
      const tick = make("span", "", took((view.from + (span * fifth) / 5) * whole));
      tick.style.left = `${fifth * 20}%`;
      ticks.append(tick);
    }
    const frame = byId("window");
    frame.style.left = `${view.from * 100}%`;
    frame.style.width = `${span * 100}%`;
    frame.hidden = span > 0.999;
  }

  function zoomTo(from, to) {
    const least = Math.min(1, 50 / whole);
    const span = Math.min(1, Math.max(least, to - from));
    view.from = Math.min(Math.max(0, from), 1 - span);
    view.to = view.from + span;
    drawView();
  }
  function zoomBy(factor, centre) {
    const span = (view.to - view.from) * factor;
    const share = (centre - view.from) / (view.to - view.from);
    zoomTo(centre - span * share, centre + span * (1 - share));
  }
  const middle = () => (view.from + view.to) / 2;

  function drawMap() {
    const canvas = byId("map").querySelector("canvas");
    const ratio = window.devicePixelRatio || 1;
    const width = canvas.clientWidth * ratio;
    const height = canvas.clientHeight * ratio;
    canvas.width = width;
    canvas.height = height;
    const pen = canvas.getContext("2d");
    const style = getComputedStyle(document.documentElement);
    const colours = Array.from({ length: tones }, (_, tone) => style.getPropertyValue(`--c${tone}`));
    const single = rows.filter((row) => !row.folded);
    const pitch = (height - 6 * ratio) / single.length;
    const thick = Math.max(ratio, Math.min(pitch * 0.7, 4 * ratio));
    single.forEach((row, at) => {
      pen.fillStyle = colours[row.head.service % tones];
      pen.fillRect((row.start / whole) * width, 3 * ratio + at * pitch, Math.max(ratio, ((row.end - row.start) / whole) * width), thick);
    });
  }

  // Dragging across an area gives the two times between which it was dragged.
  function onSweep(area, box, timeAt, done) {
    area.addEventListener("pointerdown", (press) => {
      if (press.button !== 0) return;
      const host = box(press);
      if (!host) return;
      const from = press.clientX;
      const sweep = make("div", "sweep");
      const edge = host.getBoundingClientRect();
      let moved = false;
      const move = (event) => {
        if (!moved && Math.abs(event.clientX - from) < 4) return;
        if (!moved) host.append(sweep);
        moved = true;
        const low = Math.max(edge.left, Math.min(from, event.clientX));
        const high = Math.min(edge.right, Math.max(from, event.clientX));
        sweep.style.left = `${low - edge.left}px`;
        sweep.style.width = `${high - low}px`;
      };
      const stop = (event) => {
        window.removeEventListener("pointermove", move);
        window.removeEventListener("pointerup", stop);
        window.removeEventListener("pointercancel", stop);
        sweep.remove();
        if (!moved || event.type === "pointercancel") return;
        swept = true;
        const times = [from, event.clientX].map((x) => timeAt((x - edge.left) / edge.width)).sort((a, b) => a - b);
        done(Math.max(0, times[0]), Math.min(1, times[1]));
      };
      window.addEventListener("pointermove", move);
      window.addEventListener("pointerup", stop);
      window.addEventListener("pointercancel", stop);
    });
  }
  let swept = false;
  const inView = (share) => view.from + share * (view.to - view.from);
  onSweep(byId("map"), () => byId("map"), (share) => share, zoomTo);
  onSweep(fall, (press) => press.target.closest(".track"), inView, zoomTo);
  byId("map").addEventListener("dblclick", () => zoomTo(0, 1));
  fall.addEventListener("wheel", (event) => {
    const track = event.target.closest(".track");
    if (!track || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    const edge = track.getBoundingClientRect();
    zoomBy(event.deltaY > 0 ? 1.25 : 0.8, inView((event.clientX - edge.left) / edge.width));
  }, { passive: false });

  // One span.
  const detail = byId("detail");

  function table(pairs, className) {
    const body = make("tbody");
    for (const [key, value] of pairs) {
      const line = make("tr");
      const head = make("th", "", key);
      head.scope = "row";
      line.append(head, make("td", /\bid$|\.query\./i.test(key) ? "mono" : "", value));
      body.append(line);
    }
    const element = make("table", className || "");
    element.append(body);
    return element;
  }

  function part(title, ...nodes) {
    detail.append(make("h3", "", title), ...nodes);
  }

  function show(row) {
    if (chosen >= 0 && rows[chosen].node) rows[chosen].node.removeAttribute("aria-selected");
    chosen = row.at;
    nodeOf(row).setAttribute("aria-selected", "true");
    detail.replaceChildren();
    const close = make("button", "plain close", "Close");
    close.type = "button";
    close.addEventListener("click", hide);
    const over = make("p", "over");
    over.append(make("span", `service s${row.head.service % tones}`, trace.services[row.head.service]));
    const title = make("h2", "", row.head.name);
    title.dir = "auto";
    detail.append(close, over, title);
    if (row.folded) describeGroup(row);
    else describeSpan(row);
    detail.hidden = false;
    detail.scrollTop = 0;
  }

  function describeGroup(row) {
    const durations = row.spans.map((span) => span.duration).sort((a, b) => a - b);
    const rank = (percent) => durations[Math.ceil((durations.length * percent) / 100) - 1];
    detail.append(table([
      ["Spans", row.spans.length.toLocaleString("en")],
      ["Together", took(durations.reduce((sum, value) => sum + value, 0))],
      ["p50", took(rank(50))], ["p95", took(rank(95))], ["Longest", took(rank(100))],
      ["From", `+${took(row.start)}`], ["To", `+${took(row.end)}`],
      ["Failed", String(row.spans.filter((span) => span.error).length)],
    ], "facts"));
  }

  function describeSpan(row) {
    const span = row.head;
    if (span.error) detail.append(make("p", "alarm", span.message || "The span ended in error."));
    for (const flaw of span.flaws || []) detail.append(make("p", "alarm odd", flaw));
    const steps = stepsOf.get(row.members[0]) || [];
    const onPath = steps.reduce((sum, step) => sum + step[1], 0);
    detail.append(table([
      ["Duration", took(span.duration)],
      ["Self time", took(span.self)],
      ["On critical path", steps.length ? took(onPath) : "no"],
      ["Starts at", `+${took(Math.max(0, span.start))} · ${span.at}`],
      ["Kind", span.kind], ["Status", span.status],
      ...(span.full ? [["Full name", span.full]] : []),
      ["Span id", span.id], ["Parent id", span.parent || "none"],
      ...(span.instance ? [["Instance id", span.instance]] : []),
    ], "facts"));
    if (span.attributes) part("Attributes", table(span.attributes));
    for (const [name, offset, attributes] of span.events || []) part(`Event +${took(Math.max(0, offset))}`, make("b", "", name), table(attributes));
    for (const [traceId, spanId, attributes] of span.links || []) {
      const here = traceId === trace.id && indexOfId.has(spanId);
      part(here ? "Link within this trace" : "Link to another trace", table([["Trace id", traceId], ["Span id", spanId], ...attributes]));
    }
  }

  function hide() {
    detail.hidden = true;
    if (chosen >= 0 && rows[chosen].node) rows[chosen].node.removeAttribute("aria-selected");
    chosen = -1;
    if (shown.length) focus(focused);
  }

  function reveal(index) {
    if (index === undefined || !rowOfSpan.has(index)) return;
    byId("search").value = query = "";
    byId("only-path").checked = byId("only-errors").checked = false;
    byId("matches").textContent = "";
    const row = rows[rowOfSpan.get(index)];
    for (let at = row.parent; at >= 0; at = rows[at].parent) rows[at].open = true;
    refresh();
    fall.scrollIntoView({ block: "nearest" });
    focus(row.at);
    row.node.scrollIntoView({ block: "center" });
    show(row);
  }

  // Keys and clicks.
  function focus(at) {
    if (rows[focused].node) rows[focused].node.tabIndex = -1;
    focused = at;
    const node = nodeOf(rows[at]);
    node.tabIndex = 0;
    node.focus({ preventScroll: true });
    const top = node.offsetTop - byId("ticks").offsetHeight;
    const line = node.offsetHeight;
    if (top - fall.offsetTop < fall.scrollTop) fall.scrollTop = top - fall.offsetTop;
    const bottom = node.offsetTop + line - fall.offsetTop;
    if (bottom > fall.scrollTop + fall.clientHeight - 16) fall.scrollTop = bottom - fall.clientHeight + 16;
    if (!detail.hidden) show(rows[at]);
  }

  function toggle(row, open) {
    if (row.below === 0 || row.open === open) return;
    row.open = open;
    refresh();
  }

  function setAll(open) {
    for (const row of rows) row.open = open || row.depth === 0;
    refresh();
  }

  function rowKey(event) {
    const row = rows[focused];
    const at = shown.indexOf(row);
    const moves = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: shown.length - 1, PageDown: at + 20, PageUp: at - 20 };
    if (event.key in moves) {
      focus(shown[Math.min(Math.max(0, moves[event.key]), shown.length - 1)].at);
    } else if (event.key === "ArrowRight") {
      if (row.below > 0 && !row.open) { toggle(row, true); focus(row.at); } else if (row.below > 0 && shown[at + 1]) focus(shown[at + 1].at);
    } else if (event.key === "ArrowLeft") {
      if (row.below > 0 && row.open) { toggle(row, false); focus(row.at); } else if (row.parent >= 0) focus(row.parent);
    } else if (event.key === "Enter" || event.key === " ") {
      show(row);
    } else {
      return;
    }
    event.preventDefault();
  }

  holder.addEventListener("keydown", (event) => { if (!event.ctrlKey && !event.metaKey && !event.altKey) rowKey(event); });
  holder.addEventListener("click", (event) => {
    const node = event.target.closest(".row");
    if (!node || swept) return;
    const row = rows[Number(node.dataset.at)];
    if (event.target.closest(".caret")) { toggle(row, !row.open); focus(row.at); return; }
    focus(row.at);
    show(row);
  });
  holder.addEventListener("dblclick", (event) => {
    const node = event.target.closest(".row");
    if (node) toggle(rows[Number(node.dataset.at)], !rows[Number(node.dataset.at)].open);
  });
  // The click that ends a sweep comes after it and must not choose a row.
  window.addEventListener("pointerdown", () => { swept = false; }, true);

  const shortcuts = {
    "/": () => byId("search").focus(), "+": () => zoomBy(0.6, middle()), "=": () => zoomBy(0.6, middle()),
    "-": () => zoomBy(1 / 0.6, middle()), 0: () => zoomTo(0, 1), e: () => setAll(true), c: () => setAll(false),
  };
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !detail.hidden) { hide(); return; }
    if (event.target.matches("input") || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key in shortcuts) { event.preventDefault(); shortcuts[event.key](); }
  });
  byId("search").addEventListener("input", (event) => {
    query = event.target.value.trim().toLowerCase();
    if (!query) { byId("matches").textContent = ""; for (const row of rows) if (row.node) row.node.classList.remove("hit"); }
    refresh();
  });
  byId("search").addEventListener("keydown", (event) => {
    if (event.key === "Enter" || event.key === "ArrowDown") {
      const hit = shown.find((row) => !query || row.node.classList.contains("hit")) || shown[0];
      if (hit) { event.preventDefault(); focus(hit.at); }
    }
  });
  for (const id of ["only-path", "only-errors"]) {
    byId(id).addEventListener("change", () => { byId("matches").textContent = ""; refresh(); });
  }
  byId("open-all").addEventListener("click", () => setAll(true));
  byId("fold-all").addEventListener("click", () => setAll(false));
  byId("zoom-in").addEventListener("click", () => zoomBy(0.6, middle()));
  byId("zoom-out").addEventListener("click", () => zoomBy(1 / 0.6, middle()));
  byId("zoom-all").addEventListener("click", () => zoomTo(0, 1));
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-span]");
    if (button) reveal(indexOfId.get(button.dataset.span));
  });
  byId("copy-id").addEventListener("click", (event) => {
    const range = document.createRange();
    range.selectNodeContents(byId("trace-id"));
    getSelection().removeAllRanges();
    getSelection().addRange(range);
    if (navigator.clipboard) navigator.clipboard.writeText(trace.id).then(() => { event.target.textContent = "Copied"; }, () => {});
  });
  byId("grip").addEventListener("pointerdown", (press) => {
    press.preventDefault();
    const before = byId("grip").parentElement.offsetWidth - press.clientX;
    const move = (event) => {
      document.documentElement.style.setProperty("--names", `${Math.max(140, Math.min(900, before + event.clientX))}px`);
    };
    window.addEventListener("pointermove", move);
    window.addEventListener("pointerup", () => window.removeEventListener("pointermove", move), { once: true });
  });

  const tip = byId("tip");
  holder.addEventListener("pointermove", (event) => {
    const node = event.target.closest(".row");
    tip.hidden = !node || event.pointerType === "touch";
    if (tip.hidden) return;
    const row = rows[Number(node.dataset.at)];
    if (tip.dataset.at !== node.dataset.at) {
      tip.dataset.at = node.dataset.at;
      const lines = [`${trace.services[row.head.service]} · ${tookOf(row)}${row.folded ? ` in ${row.spans.length} spans` : ` · self ${took(row.head.self)}`}`, `from +${took(Math.max(0, row.start))} to +${took(Math.max(0, row.end))}`];
      if (!row.folded) for (const [key, value] of (row.head.attributes || []).slice(0, 3)) lines.push(`${key} = ${value.slice(0, 80)}`);
      tip.replaceChildren(make("b", "", row.head.name.slice(0, 160)), ...lines.map((line) => make("div", "", line)));
    }
    tip.style.left = `${Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8)}px`;
    tip.style.top = `${Math.min(event.clientY + 18, innerHeight - tip.offsetHeight - 8)}px`;
  });
  holder.addEventListener("pointerleave", () => { tip.hidden = true; });

  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawMap);
  new ResizeObserver(drawMap).observe(byId("map"));
  refresh();
  const wanted = location.hash.slice(1);
  if (indexOfId.has(wanted)) reveal(indexOfId.get(wanted));
})();

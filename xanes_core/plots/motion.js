// A structure that moves and its spectrum that follows; drawn from the numbers of motion_data alone.
const TRAIL = 12;
const SECONDS = 4; // from one end of the range to the other
const SCRIPT_ID = "viewer3d-script";
const ICONS = {
  play: '<svg viewBox="0 0 16 16" aria-hidden="true"><path d="M4 2l10 6-10 6z"/></svg>',
  pause: '<svg viewBox="0 0 16 16" aria-hidden="true"><path d="M3 2h4v12H3zM9 2h4v12H9z"/></svg>',
};
const STRIPS = [
  { name: "edge_half_ev", title: "Edge (eV)", spoken: "edge", digits: 1, least: 1 },
  { name: "white_line_ev", title: "White line (eV)", spoken: "white line", digits: 1, least: 1 },
  { name: "white_line_height", title: "White line height", spoken: "height", digits: 2, least: 0.1 },
  { name: "pre_edge_height", title: "Pre-edge height", spoken: "pre-edge", digits: 2, least: 0.05 },
];

function loadScript(url) {
  if (window.$3Dmol) return Promise.resolve();
  if (!url) return Promise.reject(new Error("script"));
  if (!window.__viewer3dLoading) {
    window.__viewer3dLoading = new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.id = SCRIPT_ID;
      script.src = url;
      script.onload = () => (window.$3Dmol ? resolve() : reject(new Error("script")));
      script.onerror = () => reject(new Error("script"));
      document.head.appendChild(script);
    }).catch((error) => {
      window.__viewer3dLoading = undefined;
      throw error;
    });
  }
  return window.__viewer3dLoading;
}

const query = (text) => window.matchMedia(text);
const still = () => query("(prefers-reduced-motion: reduce)").matches;
const clamp = (x, low, high) => Math.min(Math.max(x, low), high);

function plainHex(colour) {
  const context = document.createElement("canvas").getContext("2d");
  context.fillStyle = colour.trim() || "#ffffff";
  return context.fillStyle;
}

function palette(host) {
  const style = getComputedStyle(host);
  const read = (name) => plainHex(style.getPropertyValue(`--st-${name}-color`));
  const background = read("background");
  const [r, g, b] = [1, 3, 5].map((i) => parseInt(background.slice(i, i + 2), 16));
  const dark = 0.3 * r + 0.6 * g + 0.1 * b < 110;
  return { font: style.fontFamily || "sans-serif", ink: read("text"), background, border: read("border"), dark };
}

const font = (state, size, weight = "") => `${weight}${size}px ${state.colours.font}`;

function alpha(hex, opacity) {
  const [r, g, b] = [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
  return `rgba(${r},${g},${b},${opacity})`;
}

function ticks(low, high, wanted) {
  const found = ticksOf(low, high, wanted);
  return found.length > 1 || wanted > 12 ? found : ticks(low, high, wanted + 1);
}

function ticksOf(low, high, wanted) {
  const raw = (high - low) / wanted;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((f) => f * power).find((s) => s >= raw * 0.999);
  const first = Math.ceil(low / step - 1e-9);
  const count = Math.floor(high / step + 1e-9) - first + 1;
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  return Array.from({ length: count }, (_, i) => (first + i) * step).map((value) => ({
    value, text: value.toFixed(digits).replace("-", "\u2212").replace(/^\u2212(0\.?0*)$/, "$1"),
  }));
}

// a canvas as sharp as the screen, drawn in CSS pixels
function sharpened(canvas) {
  const ratio = window.devicePixelRatio || 1;
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height };
}

// what stays while the marker moves is drawn once
function kept(state, name, canvas, draw) {
  const ratio = window.devicePixelRatio || 1;
  const key = `${canvas.clientWidth} ${canvas.clientHeight} ${ratio} ${state.version}`;
  let known = state.kept[name];
  if (!known || known.key !== key) {
    const off = document.createElement("canvas");
    off.width = Math.round(canvas.clientWidth * ratio);
    off.height = Math.round(canvas.clientHeight * ratio);
    const context = off.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    known = { key, off, frame: draw(context, canvas.clientWidth, canvas.clientHeight) };
    state.kept[name] = known;
  }
  return known;
}

function stamp(context, known, width, height) {
  if (known.off.width && known.off.height) context.drawImage(known.off, 0, 0, width, height);
}

// --- values between the steps -------------------------------------------------------------------
const nearest = (state) => Math.round(state.at);

function between(state, rows) {
  const low = Math.floor(state.at);
  const part = state.at - low;
  const a = rows[low];
  if (part < 1e-6 || state.discrete) return rows[nearest(state)];
  const b = rows[low + 1];
  return a.map((value, i) => value + part * (b[i] - value));
}

function valueAt(state, values) {
  return between(state, values.map((value) => [value]))[0];
}

function signed(value, digits) {
  const text = Math.abs(value).toFixed(digits);
  if (Number(text) === 0) return text;
  return (value < 0 ? "\u2212" : "+") + text;
}

function valueText(state) {
  const { data } = state;
  if (state.discrete) return data.ticks[nearest(state)];
  const value = valueAt(state, data.values);
  const space = data.unit === "\u00c5" ? " " : "";
  return `${signed(value, data.unit === "\u00c5" ? 2 : 0)}${space}${data.unit}`;
}

function amountText(state) {
  const { data } = state;
  if (!data.amounts) return "";
  const amount = valueAt(state, data.amounts);
  const isLength = data.unit === "\u00c5";
  return `${data.amount_name} ${amount.toFixed(isLength ? 2 : 0)}${isLength ? " " : ""}${data.unit}`;
}

// --- spectrum -----------------------------------------------------------------------------------
function spectrumScale(data) {
  const top = Math.max(...data.upper.map((row) => Math.max(...row)),
    ...data.theory.curves.map((row) => Math.max(...row)), 1.1);
  const bottom = Math.min(...data.curves.map((row) => Math.min(...row)), 0);
  return [Math.max(bottom, -0.2), Math.min(top * 1.03, 6)];
}

function axes(state, context, width, height) {
  const { data, colours } = state;
  const box = { left: 50, right: width - 10, top: 10, bottom: height - 42 };
  const [eLow, eHigh] = [data.energy[0], data.energy[data.energy.length - 1]];
  const [low, high] = spectrumScale(data);
  const x = (e) => box.left + ((e - eLow) / (eHigh - eLow)) * (box.right - box.left);
  const y = (mu) => box.bottom - ((mu - low) / (high - low)) * (box.bottom - box.top);
  context.font = font(state, 13);
  context.strokeStyle = alpha(colours.ink, colours.dark ? 0.16 : 0.12);
  context.fillStyle = colours.ink;
  context.lineWidth = 1;
  context.textAlign = "center";
  context.textBaseline = "top";
  for (const tick of ticks(eLow, eHigh, width < 460 ? 4 : 7)) {
    context.beginPath();
    context.moveTo(x(tick.value), box.top);
    context.lineTo(x(tick.value), box.bottom);
    context.stroke();
    context.fillText(tick.text, x(tick.value), box.bottom + 6);
  }
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (const tick of ticks(low, high, 4)) {
    context.beginPath();
    context.moveTo(box.left, y(tick.value));
    context.lineTo(box.right, y(tick.value));
    context.stroke();
    context.fillText(tick.text, box.left - 7, y(tick.value));
  }
  context.strokeStyle = colours.ink;
  context.beginPath();
  context.moveTo(box.left, box.top);
  context.lineTo(box.left, box.bottom);
  context.lineTo(box.right, box.bottom);
  context.stroke();
  context.textAlign = "center";
  context.textBaseline = "bottom";
  context.fillText("E \u2212 E\u2080 (eV)", (box.left + box.right) / 2, height - 2);
  context.save();
  context.translate(13, (box.top + box.bottom) / 2);
  context.rotate(-Math.PI / 2);
  context.fillText("\u03bc(E) / edge step", 0, 6);
  context.restore();
  return { box, x, y };
}

function path(context, frame, energy, curve) {
  context.beginPath();
  energy.forEach((e, i) => context.lineTo(frame.x(e), frame.y(curve[i])));
}

function line(state, context, frame, curve, colour, width, dash = []) {
  path(context, frame, state.data.energy, curve);
  context.setLineDash(dash);
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.stroke();
  context.setLineDash([]);
}

function network(state) {
  return state.colours.dark ? "#56b4e9" : state.data.colours.network;
}

function drawSpectrum(state) {
  const { data, colours } = state;
  const canvas = state.spectrum;
  const { context, width, height } = sharpened(canvas);
  if (!width || !height) return;
  const known = kept(state, "axes", canvas, (c, w, h) => axes(state, c, w, h));
  stamp(context, known, width, height);
  const { frame } = known;
  const blue = network(state);
  const rank = data.verdicts[nearest(state)].rank;
  const curve = between(state, data.curves);
  const [lower, upper] = [between(state, data.lower), between(state, data.upper)];
  context.save();
  context.beginPath();
  context.rect(frame.box.left, frame.box.top - 4, frame.box.right - frame.box.left,
    frame.box.bottom - frame.box.top + 4);
  context.clip();
  context.lineJoin = "round";
  state.trail.forEach((step, i) => {
    const share = (i + 1) / (state.trail.length + 1);
    line(state, context, frame, data.curves[step], alpha(blue, 0.05 + 0.3 * share ** 2), 1.2);
  });
  context.beginPath();
  data.energy.forEach((e, i) => context.lineTo(frame.x(e), frame.y(upper[i])));
  for (let i = data.energy.length - 1; i >= 0; i -= 1) {
    context.lineTo(frame.x(data.energy[i]), frame.y(lower[i]));
  }
  context.closePath();
  // a band that is not to be trusted loses its colour
  const band = rank === 2 ? colours.ink : blue;
  context.fillStyle = alpha(plainHex(band), (rank === 2 ? 0.12 : 0.22) + (colours.dark ? 0.08 : 0));
  context.fill();
  if (rank > 0) {
    context.setLineDash([4, 4]);
    context.strokeStyle = alpha(plainHex(band), 0.7);
    context.lineWidth = 1;
    context.stroke();
    context.setLineDash([]);
  }
  if (nearest(state) !== data.first) {
    line(state, context, frame, data.curves[data.first], alpha(colours.ink, 0.55), 1.3, [6, 4]);
  }
  line(state, context, frame, curve, blue, 2.4, rank === 2 ? [8, 4] : []);
  const checked = data.theory.steps.indexOf(nearest(state));
  if (checked >= 0) line(state, context, frame, data.theory.curves[checked], data.colours.theory, 2.2);
  context.restore();
  legend(state, context, frame, rank, checked);
  if (state.pointer) crosshair(state, context, frame, curve);
}

function legend(state, context, frame, rank, checked) {
  const { data, colours } = state;
  const percent = `${Math.round(100 * data.level)} % band`;
  const rows = [[network(state), rank === 2 ? [8, 4] : [], `Network, ${percent}`]];
  if (checked >= 0) rows.push([data.colours.theory, [], data.theory.name]);
  if (nearest(state) !== data.first) {
    const name = state.discrete ? data.ticks[data.first] : "As it came";
    rows.push([alpha(colours.ink, 0.55), [6, 4], name]);
  }
  context.font = font(state, 13);
  context.textAlign = "left";
  context.textBaseline = "middle";
  const wide = Math.max(...rows.map((row) => context.measureText(row[2]).width));
  const left = frame.box.right - wide - 36;
  // the lower right corner is free: far above the edge mu is about 1
  let top = frame.box.bottom - 18 * rows.length;
  for (const [colour, dash, text] of rows) {
    context.strokeStyle = colour;
    context.lineWidth = 2.4;
    context.setLineDash(dash);
    context.beginPath();
    context.moveTo(left, top);
    context.lineTo(left + 24, top);
    context.stroke();
    context.setLineDash([]);
    context.fillStyle = colours.ink;
    context.fillText(text, left + 30, top + 1);
    top += 18;
  }
}

function crosshair(state, context, frame, curve) {
  const { data, colours, pointer } = state;
  if (pointer.x < frame.box.left || pointer.x > frame.box.right) return;
  const count = data.energy.length;
  const share = (pointer.x - frame.box.left) / (frame.box.right - frame.box.left);
  const i = clamp(Math.round(share * (count - 1)), 0, count - 1);
  const [x, y] = [frame.x(data.energy[i]), frame.y(curve[i])];
  context.fillStyle = network(state);
  context.beginPath();
  context.arc(x, y, 4, 0, 2 * Math.PI);
  context.fill();
  context.fillStyle = colours.ink;
  context.font = font(state, 13);
  context.textBaseline = "bottom";
  context.textAlign = share > 0.6 ? "right" : "left";
  const energy = data.energy[i].toFixed(1).replace("-", "\u2212");
  context.fillText(`${energy} eV, ${curve[i].toFixed(2)}`, x + (share > 0.6 ? -8 : 8), y - 6);
}

// --- strip --------------------------------------------------------------------------------------
function shade(rank, dark) {
  return [null, dark ? "rgba(240,184,73,0.16)" : "rgba(214,158,20,0.15)",
    dark ? "rgba(230,90,70,0.24)" : "rgba(179,55,43,0.16)"][rank];
}

function stripScale(state, spec) {
  const all = [...state.data.features[spec.name], ...state.data.theory.features[spec.name]]
    .filter((v) => v !== null);
  if (!all.length) return null;
  let [low, high] = [Math.min(...all), Math.max(...all)];
  const pad = Math.max((high - low) * 0.12, (spec.least - (high - low)) / 2);
  return [low - pad, high + pad];
}

function stripBack(state, spec, context, width, height) {
  const { data, colours } = state;
  const box = { left: 38, right: width - 8, top: 22, bottom: height - 20 };
  const count = data.values.length;
  const gap = (box.right - box.left) / count;
  // each step has a place of its own width, so that names of metals have room
  const x = (step) => box.left + (step + 0.5) * gap;
  for (let step = 0; step < count;) {
    const { rank } = data.verdicts[step];
    let end = step;
    while (end < count && data.verdicts[end].rank === rank) end += 1;
    const fill = shade(rank, colours.dark);
    if (fill) {
      context.fillStyle = fill;
      context.fillRect(box.left + step * gap, box.top, (end - step) * gap, box.bottom - box.top);
    }
    step = end;
  }
  context.font = font(state, 12);
  context.fillStyle = colours.ink;
  context.textBaseline = "top";
  context.textAlign = "left";
  context.fillText(spec.title, 2, 2);
  context.strokeStyle = colours.ink;
  context.lineWidth = 1;
  context.beginPath();
  context.moveTo(box.left, box.top);
  context.lineTo(box.left, box.bottom);
  context.lineTo(box.right, box.bottom);
  context.stroke();
  context.textAlign = "center";
  if (state.discrete) {
    data.ticks.forEach((name, step) => {
      if (width > 230 || step % 2 === 0) context.fillText(name, x(step), box.bottom + 4);
    });
  } else {
    const [first, last] = [data.values[0], data.values[count - 1]];
    for (const tick of ticks(first, last, width > 180 ? 4 : 3)) {
      context.fillText(tick.text, x(((tick.value - first) / (last - first)) * (count - 1)),
        box.bottom + 4);
    }
  }
  const scale = stripScale(state, spec);
  if (!scale) {
    context.fillText("none seen", (box.left + box.right) / 2, (box.top + box.bottom) / 2 - 6);
    return { box, x, gap, y: null };
  }
  const y = (v) => box.bottom - ((v - scale[0]) / (scale[1] - scale[0])) * (box.bottom - box.top);
  context.textAlign = "right";
  context.textBaseline = "middle";
  const marks = ticks(scale[0], scale[1], 3);
  for (const tick of marks) context.fillText(tick.text, box.left - 4, y(tick.value));
  const values = data.features[spec.name];
  context.strokeStyle = network(state);
  context.lineWidth = 1.8;
  context.beginPath();
  let pen = false;
  values.forEach((value, step) => {
    if (value === null) pen = false;
    else if (pen) context.lineTo(x(step), y(value));
    else { context.moveTo(x(step), y(value)); pen = true; }
  });
  context.stroke();
  context.fillStyle = network(state);
  if (state.discrete) {
    values.forEach((value, step) => { if (value !== null) dot(context, x(step), y(value), 2.6); });
  }
  context.fillStyle = data.colours.theory;
  data.theory.steps.forEach((step, i) => {
    const value = data.theory.features[spec.name][i];
    if (value !== null) dot(context, x(step), y(value), 4);
  });
  return { box, x, gap, y };
}

function dot(context, x, y, radius) {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fill();
}

function drawStrip(state) {
  const { data, colours } = state;
  STRIPS.forEach((spec, n) => {
    const canvas = state.strips[n];
    const { context, width, height } = sharpened(canvas);
    if (!width || !height) return;
    const known = kept(state, spec.name, canvas, (c, w, h) => stripBack(state, spec, c, w, h));
    stamp(context, known, width, height);
    const { box, x, y } = known.frame;
    const at = x(state.at);
    context.strokeStyle = alpha(colours.ink, 0.6);
    context.lineWidth = 1;
    context.beginPath();
    context.moveTo(at, box.top);
    context.lineTo(at, box.bottom);
    context.stroke();
    const value = data.features[spec.name][nearest(state)];
    if (!y || value === null) return;
    context.fillStyle = network(state);
    dot(context, x(nearest(state)), y(value), 4);
    context.font = font(state, 12, "bold ");
    context.fillStyle = colours.ink;
    context.textAlign = "right";
    context.textBaseline = "top";
    context.fillText(value.toFixed(spec.digits).replace("-", "\u2212"), width - 6, 2);
  });
}

// --- structure ----------------------------------------------------------------------------------
function say(state, sentence) {
  state.message.textContent = sentence;
  state.message.style.display = sentence ? "flex" : "none";
}

function build(state) {
  const { data } = state;
  if (!window.$3Dmol || !state.stage.clientWidth) return;
  if (!state.viewer) {
    state.viewer = window.$3Dmol.createViewer(state.stage, { antialias: state.smooth });
    if (!state.viewer) throw new Error("webgl");
    state.viewer.setViewChangeCallback(() => drawMarks(state));
  }
  const viewer = state.viewer;
  viewer.setBackgroundColor(state.colours.background, 1);
  viewer.removeAllModels();
  const bonds = data.atoms.map(() => []);
  for (const [i, j] of data.bonds) {
    bonds[i].push(j);
    bonds[j].push(i);
  }
  const model = viewer.addModel();
  const at = data.positions[data.first];
  model.addAtoms(data.atoms.map((a, i) => ({
    elem: a.symbol, x: at[3 * i], y: at[3 * i + 1], z: at[3 * i + 2], serial: i, index: i,
    bonds: bonds[i], bondOrder: bonds[i].map(() => 1),
  })));
  data.atoms.forEach((a, i) => model.setStyle({ index: i }, {
    sphere: { radius: a.radius_ang, color: a.colour }, stick: { radius: 0.1, color: a.colour },
  }));
  state.model = model;
  state.moving = model.selectedAtoms({});
  if (state.camera !== data.id) {
    viewer.zoomTo();
    if (!state.camera) {
      viewer.rotate(14, "y"); // a little aslant, so that trans ligands do not hide each other
      viewer.rotate(12, "x");
    }
    // the viewer leaves small molecules small
    viewer.zoom(clamp(1.5 - 0.09 * Math.max(...at.map(Math.abs)), 0.95, 1.25));
    state.camera = data.id;
  }
  say(state, "");
  state.placed = null;
  state.host.dataset.atoms = String(state.moving.length);
}

function drawStructure(state) {
  if (!state.model) return;
  if (state.placed !== state.at) {
    const at = between(state, state.data.positions);
    state.moving.forEach((atom, i) => {
      atom.x = at[3 * i];
      atom.y = at[3 * i + 1];
      atom.z = at[3 * i + 2];
    });
    state.model.molObj = null; // or the old geometry is shown again
    state.placed = state.at;
    state.viewer.render();
  }
  drawMarks(state);
}

function drawMarks(state) {
  const { context, width } = sharpened(state.marks);
  if (!width || !state.model) return;
  const { data, colours } = state;
  const corner = state.stage.getBoundingClientRect();
  const offset = [corner.left + window.scrollX, corner.top + window.scrollY];
  context.font = font(state, 12, "bold ");
  context.textAlign = "center";
  context.textBaseline = "middle";
  const marks = data.labels.map(({ atom, text }) => ({ atom, text }));
  if (state.discrete) marks.push({ atom: data.absorber, text: data.ticks[nearest(state)] });
  for (const { atom, text } of marks) {
    const { x, y, z } = state.moving[atom];
    const place = state.viewer.modelToScreen({ x, y, z });
    const [left, top] = [place.x - offset[0], place.y - offset[1]];
    context.lineWidth = 3;
    context.strokeStyle = alpha(colours.background, 0.85);
    context.strokeText(text, left, top);
    context.fillStyle = colours.ink;
    context.fillText(text, left, top);
  }
}

function start3d(state) {
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("webgl2") || canvas.getContext("webgl");
  if (!context) {
    say(state, "This browser has no WebGL, which the 3D view needs. Everything else works.");
    return;
  }
  // without a graphics card smooth edges cost ten times the rest
  const info = context.getExtension("WEBGL_debug_renderer_info");
  const renderer = String(context.getParameter(info ? info.UNMASKED_RENDERER_WEBGL
    : context.RENDERER));
  state.smooth = !/swiftshader|llvmpipe|software|basic render/i.test(renderer);
  const loser = context.getExtension("WEBGL_lose_context");
  if (loser) loser.loseContext();
  loadScript(state.data.script_url)
    .then(() => {
      state.ready = true;
      build(state);
      state.dirty = true;
      wake(state);
    })
    .catch((error) => say(state, error.message === "script"
      ? "The 3D view is missing here: its script was not installed. Everything else works."
      : "The 3D view could not start in this browser. Everything else works."));
}

// --- the loop -----------------------------------------------------------------------------------
function words(state) {
  const { data } = state;
  const step = nearest(state);
  if (state.spoken === `${step} ${state.version} ${state.playing}`) return;
  state.spoken = `${step} ${state.version} ${state.playing}`;
  const verdict = data.verdicts[step];
  state.badge.textContent = verdict.label;
  state.badge.dataset.rank = verdict.rank;
  const reason = verdict.rank ? verdict.reason : "";
  if (state.reason.textContent !== reason) state.reason.textContent = reason;
  const read = STRIPS.filter((spec) => data.features[spec.name][step] !== null)
    .map((spec) => `${spec.spoken} ${data.features[spec.name][step].toFixed(spec.digits)}`);
  const said = [valueText(state), amountText(state), verdict.label].filter(Boolean).join(", ");
  state.slider.setAttribute("aria-valuetext", said);
  state.spectrum.setAttribute("aria-label",
    `Predicted spectrum with its band at ${said}. ${read.join(", ")}.`);
  state.stage.setAttribute("aria-label", `Structure at ${said}`);
  state.host.dataset.step = String(step);
  state.host.dataset.rank = String(verdict.rank);
}

function readout(state) {
  const amount = amountText(state);
  state.value.querySelector("b").textContent = valueText(state);
  state.value.querySelector("span").textContent = amount ? `  ${amount}` : "";
}

function tick(state, now) {
  state.waiting = false;
  if (!state.host.isConnected) return;
  if (state.playing) {
    const elapsed = Math.min((now - (state.last ?? now)) / 1000, 0.1);
    state.last = now;
    play(state, elapsed);
  }
  if (state.dirty) {
    state.dirty = false;
    remember(state);
    state.slider.value = String(state.at);
    drawStructure(state);
    drawSpectrum(state);
    drawStrip(state);
    readout(state);
    words(state);
    state.host.motionStats.drawn += 1;
  }
  if (state.playing) wake(state);
}

function play(state, elapsed) {
  const end = state.data.values.length - 1;
  if (state.discrete || still()) {
    state.rest = (state.rest ?? 0) + elapsed;
    if (state.rest < 0.7) return;
    state.rest = 0;
    state.at = nearest(state) + state.way;
  } else {
    state.at += (state.way * elapsed * end) / SECONDS;
  }
  if (state.at >= end || state.at <= 0) {
    state.way = state.at >= end ? -1 : 1;
    state.at = clamp(state.at, 0, end);
  }
  state.dirty = true;
}

function remember(state) {
  const step = nearest(state);
  if (step === state.current) return;
  if (state.current !== undefined) {
    state.trail = [...state.trail.filter((s) => s !== state.current && s !== step), state.current];
    state.trail = state.trail.slice(-TRAIL);
  }
  state.current = step;
}

function wake(state) {
  if (state.waiting) return;
  state.waiting = true;
  requestAnimationFrame((now) => tick(state, now));
}

function go(state, at) {
  state.at = clamp(at, 0, state.data.values.length - 1);
  state.dirty = true;
  wake(state);
}

function settle(state) {
  go(state, nearest(state));
  const step = nearest(state);
  if (state.sent !== step) {
    state.sent = step;
    state.send("at", { id: state.data.id, step });
  }
}

function setPlaying(state, playing) {
  state.playing = playing;
  state.last = undefined;
  state.button.innerHTML = playing ? ICONS.pause : ICONS.play;
  state.button.setAttribute("aria-label", playing ? "Pause" : "Play");
  state.host.dataset.playing = playing ? "1" : "0";
  if (playing) wake(state);
  else settle(state);
}

function key(state, event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const jump = event.shiftKey ? 5 : 1;
  const step = nearest(state);
  const end = state.data.values.length - 1;
  const target = {
    ArrowRight: step + jump, ArrowUp: step + jump, ArrowLeft: step - jump, ArrowDown: step - jump,
    Home: 0, End: end, 0: state.data.first,
  }[event.key];
  if (event.key === " ") setPlaying(state, !state.playing);
  else if (target !== undefined) {
    if (state.playing) setPlaying(state, false);
    go(state, target);
    clearTimeout(state.later); // keys come in a row: tell when they end
    state.later = setTimeout(() => settle(state), 400);
  } else return;
  event.preventDefault();
  event.stopPropagation();
}

function create(host) {
  const find = (name) => host.querySelector(`.motion-${name}`);
  const state = {
    host, at: 0, trail: [], kept: {}, version: 0, way: 1, playing: false, send: () => {},
    stage: find("stage"), marks: find("marks"), message: find("message"),
    spectrum: find("spectrum"), slider: find("slider"), button: find("play"), value: find("value"),
    badge: find("badge"), reason: find("reason"), label: find("label"), reset: find("reset"), strips: [],
  };
  host.motionStats = { drawn: 0 };
  state.value.append(document.createElement("b"), document.createElement("span"));
  for (const spec of STRIPS) {
    const canvas = document.createElement("canvas");
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", `${spec.title} along the motion`);
    find("strip").append(canvas);
    state.strips.push(canvas);
    const pick = (event) => {
      if (event.buttons !== 1) return;
      const known = state.kept[spec.name];
      if (state.playing) setPlaying(state, false);
      if (known) go(state, (event.offsetX - known.frame.box.left) / known.frame.gap - 0.5);
    };
    canvas.addEventListener("pointerdown", pick);
    canvas.addEventListener("pointermove", pick);
    canvas.addEventListener("pointerup", () => settle(state));
  }
  state.slider.addEventListener("input", () => {
    if (state.playing) setPlaying(state, false);
    const wanted = Number(state.slider.value);
    go(state, state.discrete ? Math.round(wanted) : wanted);
  });
  state.slider.addEventListener("change", () => settle(state));
  state.button.addEventListener("click", () => setPlaying(state, !state.playing));
  state.reset.addEventListener("click", () => {
    if (state.playing) setPlaying(state, false);
    state.trail = [];
    go(state, state.data.first);
    settle(state);
  });
  host.addEventListener("keydown", (event) => {
    const origin = event.composedPath()[0];
    if (event.key === " " && origin.tagName === "BUTTON") return; // presses it
    key(state, event);
  });
  // before a class nobody wants to click first; where something has the focus, it keeps its keys
  state.onKey = (event) => {
    const focused = document.activeElement;
    if (host.isConnected && (!focused || focused === document.body)) key(state, event);
  };
  document.addEventListener("keydown", state.onKey);
  state.spectrum.addEventListener("pointermove", (event) => {
    state.pointer = { x: event.offsetX };
    state.dirty = true;
    wake(state);
  });
  state.spectrum.addEventListener("pointerleave", () => {
    state.pointer = undefined;
    state.dirty = true;
    wake(state);
  });
  // the wheel scrolls the page until somebody has clicked into the structure
  host.querySelector(".motion-stage-box").addEventListener("wheel", (event) => {
    if (host.getRootNode().activeElement !== state.stage) event.stopPropagation();
  }, { capture: true });
  state.stage.addEventListener("pointerdown", () => state.stage.focus({ preventScroll: true }));
  state.observer = new ResizeObserver(() => {
    if (state.viewer && state.stage.clientWidth) state.viewer.resize();
    else if (state.ready && !state.viewer) build(state);
    state.dirty = true;
    wake(state);
  });
  for (const element of [state.stage, state.spectrum]) state.observer.observe(element);
  state.onTheme = () => { restyle(state); };
  query("(prefers-color-scheme: dark)").addEventListener("change", state.onTheme);
  return state;
}

function restyle(state) {
  state.colours = palette(state.host);
  state.host.dataset.dark = state.colours.dark ? "1" : "0";
  state.version += 1;
  if (state.viewer) {
    state.viewer.setBackgroundColor(state.colours.background, 1);
    state.viewer.render();
  }
  state.dirty = true;
  wake(state);
}

function update(state, data) {
  const fresh = !state.data || state.data.id !== data.id;
  state.data = data;
  state.discrete = data.ticks.length > 0;
  const end = data.values.length - 1;
  if (fresh) {
    if (state.playing) setPlaying(state, false);
    state.at = clamp(data.start ?? data.first, 0, end);
    state.trail = [];
    state.current = undefined;
    state.sent = Math.round(state.at);
    state.way = 1;
    state.model = undefined;
  }
  state.at = clamp(state.at, 0, end);
  state.slider.max = String(end);
  state.slider.setAttribute("aria-label", data.label);
  state.label.textContent = data.label;
  state.reset.textContent = state.discrete ? data.ticks[data.first] : "As it came";
  restyle(state);
  if (!state.button.innerHTML) setPlaying(state, false);
  if (!fresh) return;
  if (state.viewer) build(state);
  else start3d(state);
}

function release(state) {
  state.playing = false;
  state.observer.disconnect();
  document.removeEventListener("keydown", state.onKey);
  query("(prefers-color-scheme: dark)").removeEventListener("change", state.onTheme);
  state.viewer = state.model = undefined;
  state.host.motionState = undefined;
}

export default function (component) {
  const { data, parentElement, setStateValue } = component;
  const host = parentElement.querySelector(".motion");
  const state = host.motionState ?? (host.motionState = create(host));
  state.send = setStateValue;
  update(state, data);
  return () => setTimeout(() => { if (!host.isConnected) release(state); }, 0);
}

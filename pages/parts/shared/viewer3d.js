// 3D view of a scene made by xanes_core.plots.structure: numbers, symbols and colours only.
const SCRIPT_ID = "viewer3d-script";

function loadScript(url) {
  if (window.$3Dmol) return Promise.resolve();
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

let webgl;

function hasWebGL() {
  if (webgl === undefined) {
    const canvas = document.createElement("canvas");
    const context = canvas.getContext("webgl2") || canvas.getContext("webgl");
    webgl = Boolean(context);
    const loser = context && context.getExtension("WEBGL_lose_context");
    if (loser) loser.loseContext();
  }
  return webgl;
}

function say(host, sentence) {
  const message = host.querySelector(".viewer3d-message");
  message.textContent = sentence;
  message.style.display = sentence ? "flex" : "none";
}

function greatCircles(radius) {
  const angles = Array.from({ length: 73 }, (_, i) => (2 * Math.PI * i) / 72);
  const ring = (place) => angles.map((t) => place(radius * Math.cos(t), radius * Math.sin(t)));
  return [
    ring((u, v) => ({ x: u, y: v, z: 0 })),
    ring((u, v) => ({ x: u, y: 0, z: v })),
  ];
}

function sized(stage) {
  if (stage.clientWidth && stage.clientHeight) return Promise.resolve();
  return new Promise((resolve) => {
    const observer = new ResizeObserver(() => {
      if (!stage.clientWidth || !stage.clientHeight) return;
      observer.disconnect();
      resolve();
    });
    observer.observe(stage);
  });
}

const LABEL = { fontSize: 12, backgroundOpacity: 0.8, padding: 1, alignment: "center" };
const TURN_DEG = 10;
const ZOOM = 1.15;
const RIM_PX = 20;

// two turns as unit quaternions (x, y, z, w), the first one after the second
function turned(a, b) {
  return [
    a[3] * b[0] + a[0] * b[3] + a[1] * b[2] - a[2] * b[1],
    a[3] * b[1] - a[0] * b[2] + a[1] * b[3] + a[2] * b[0],
    a[3] * b[2] + a[0] * b[1] - a[1] * b[0] + a[2] * b[3],
    a[3] * b[3] - a[0] * b[0] - a[1] * b[1] - a[2] * b[2],
  ];
}

function rotated(q, [x, y, z]) {
  return turned(turned(q, [x, y, z, 0]), [-q[0], -q[1], -q[2], q[3]]).slice(0, 3);
}

function turnBy(viewer, axis, degrees) {
  const half = (degrees * Math.PI) / 360;
  const [x, y, z] = axis.map((part) => part * Math.sin(half));
  const view = viewer.getView();
  viewer.setView([...view.slice(0, 4), ...turned([x, y, z, Math.cos(half)], view.slice(4, 8))]);
  viewer.render();
}

// where atoms stand on the screen: pixels in the stage, their radius there, depth to the reader
function places(viewer, stage, atoms) {
  const q = viewer.getView().slice(4, 8);
  const right = rotated([-q[0], -q[1], -q[2], q[3]], [1, 0, 0]);
  const aside = atoms.map((a) => ({ x: a.x + right[0], y: a.y + right[1], z: a.z + right[2] }));
  const box = stage.getBoundingClientRect();
  const left = box.left + window.scrollX;
  const top = box.top + window.scrollY;
  const at = viewer.modelToScreen(atoms);
  const beside = viewer.modelToScreen(aside);
  return atoms.map((a, i) => ({
    x: at[i].x - left, y: at[i].y - top,
    radius: a.radius_ang * Math.hypot(beside[i].x - at[i].x, beside[i].y - at[i].y),
    depth: rotated(q, [a.x, a.y, a.z])[2],
  }));
}

// the atom or bond under a point of the stage, the nearest to the reader first
function under(host, x, y) {
  const { atoms, bonds } = host.scene3d;
  const seen = places(host.viewer3d, host.querySelector(".viewer3d-stage"), atoms);
  let found = null;
  seen.forEach((p, i) => {
    const hit = Math.hypot(p.x - x, p.y - y) <= Math.max(p.radius, 7);
    if (hit && (!found || p.depth > found.depth)) found = { depth: p.depth, atom: i };
  });
  if (found) return found;
  for (const [i, j] of bonds) {
    const [a, b] = [seen[i], seen[j]];
    const [dx, dy] = [b.x - a.x, b.y - a.y];
    const along = ((x - a.x) * dx + (y - a.y) * dy) / (dx * dx + dy * dy || 1);
    const t = Math.min(1, Math.max(0, along));
    const hit = Math.hypot(a.x + t * dx - x, a.y + t * dy - y) <= 6;
    const depth = a.depth + t * (b.depth - a.depth);
    if (hit && (!found || depth > found.depth)) found = { depth, bond: [i, j] };
  }
  return found;
}

const numbered = (a) => `${a.symbol} ${a.index + 1}`;

function atomText(a) {
  const r = Math.hypot(a.x, a.y, a.z);
  if (r < 0.001) return `${numbered(a)}, absorber`;
  return `${numbered(a)}, ${r.toFixed(2)} \u00c5 from the absorber`;
}

function bondText(a, b) {
  const r = Math.hypot(a.x - b.x, a.y - b.y, a.z - b.z);
  return `${numbered(a)} \u2013 ${numbered(b)}, ${r.toFixed(2)} \u00c5`;
}

function tell(host, found) {
  const { atoms } = host.scene3d;
  const marked = atoms.find((a) => a.index === host.marked3d);
  let text = marked ? atomText(marked) : "";
  if (found && found.bond) text = bondText(...found.bond.map((i) => atoms[i]));
  else if (found) text = atomText(atoms[found.atom]);
  host.querySelector(".viewer3d-hover").textContent = text;
}

// the first view: turned as the scene says, as large as the stage allows
function home(host) {
  const viewer = host.viewer3d;
  const stage = host.querySelector(".viewer3d-stage");
  viewer.zoomTo();
  viewer.setView([...viewer.getView().slice(0, 4), ...host.scene3d.view]);
  viewer.render();
  const [halfWidth, halfHeight] = [stage.clientWidth / 2, stage.clientHeight / 2];
  const fits = places(viewer, stage, host.scene3d.atoms).map((p) => Math.min(
    (halfWidth - RIM_PX) / (Math.abs(p.x - halfWidth) + p.radius),
    (halfHeight - RIM_PX) / (Math.abs(p.y - halfHeight) + p.radius),
  ));
  viewer.zoom(Math.min(1.9, ...fits));
  viewer.render();
  host.home3d = viewer.getView();
}

// a stage of another size shows the first view anew, unless the reader has turned it
function fit(host) {
  const untouched = host.viewer3d.getView().every((v, i) => Math.abs(v - host.home3d?.[i]) < 1e-6);
  host.viewer3d.resize();
  if (untouched) home(host);
}

function addHalos(viewer, scene, marked) {
  const lit = new Set(scene.highlight || []);
  for (const a of scene.atoms) {
    if (!lit.has(a.index) && a.index !== marked) continue;
    viewer.addSphere({
      center: { x: a.x, y: a.y, z: a.z }, radius: 1.6 * a.radius_ang,
      color: lit.has(a.index) ? scene.highlight_colour : scene.ink, opacity: 0.4,
    });
  }
}

function addShells(viewer, scene, label) {
  // the largest first: a translucent sphere hides what is drawn inside it later
  for (const radius of [...scene.shells].reverse()) {
    viewer.addSphere({
      center: { x: 0, y: 0, z: 0 }, radius, color: scene.absorber_colour, opacity: 0.25,
    });
    for (const points of greatCircles(radius)) {
      viewer.addCurve({ points, radius: 0.018, smooth: 1, color: scene.absorber_colour });
    }
    viewer.addLabel(`${radius} \u00c5`, {
      ...label, position: { x: radius * 0.7071, y: radius * 0.7071, z: 0 },
    }, undefined, true);
  }
}

// the same atoms elsewhere, thin and pale: where a fit began, say
function addGhost(viewer, scene) {
  const { atoms, bonds, colour } = scene.ghost || { atoms: [], bonds: [] };
  const pale = { color: colour, opacity: 0.7 };
  for (const [i, j] of bonds) {
    viewer.addCylinder({ start: atoms[i], end: atoms[j], radius: 0.08, ...pale });
  }
  for (const a of atoms) {
    const center = { x: a.x, y: a.y, z: a.z };
    viewer.addSphere({ center, radius: 0.7 * a.radius_ang, ...pale });
  }
  return atoms.length;
}

function draw(host, scene) {
  const stage = host.querySelector(".viewer3d-stage");
  let viewer = host.viewer3d;
  const first = !viewer;
  if (first) {
    viewer = window.$3Dmol.createViewer(stage, { antialias: true });
    if (!viewer) throw new Error("webgl");
    host.viewer3d = viewer;
    host.observer3d = new ResizeObserver(() => {
      if (stage.clientWidth && stage.clientHeight) fit(host);
    });
    host.observer3d.observe(stage);
    listen(host);
  }
  const moved = first || host.scene3d.structure !== scene.structure;
  if (moved) host.marked3d = undefined;
  host.scene3d = scene;
  // translucent shells vanish on a transparent canvas
  viewer.setBackgroundColor(scene.background, 1);
  viewer.removeAllModels();
  viewer.removeAllLabels();
  viewer.removeAllShapes();
  const bonds = scene.atoms.map(() => []);
  for (const [i, j] of scene.bonds) {
    bonds[i].push(j);
    bonds[j].push(i);
  }
  const model = viewer.addModel();
  model.addAtoms(
    scene.atoms.map((a, i) => ({
      elem: a.symbol, x: a.x, y: a.y, z: a.z, serial: i, index: i,
      bonds: bonds[i], bondOrder: bonds[i].map(() => 1),
    })),
  );
  const label = {
    ...LABEL, font: getComputedStyle(host).fontFamily, fontColor: scene.ink,
    backgroundColor: scene.background, inFront: true,
  };
  scene.atoms.forEach((a, i) => {
    model.setStyle({ index: i }, {
      sphere: { radius: a.radius_ang, color: a.colour },
      stick: { radius: 0.1, color: a.colour },
    });
    if (a.label) {
      viewer.addLabel(a.label, { ...label, position: { x: a.x, y: a.y, z: a.z } }, undefined, true);
    }
  });
  addShells(viewer, scene, label);
  addHalos(viewer, scene, host.marked3d);
  host.dataset.ghost = String(addGhost(viewer, scene));
  // the camera stays where the reader left it while only frame, labels or shells change
  if (moved) home(host);
  viewer.render();
  tell(host, null);
  host.dataset.atoms = String(model.selectedAtoms({}).length);
  host.dataset.shells = String(scene.shells.length);
  host.dataset.labels = String(scene.atoms.filter((a) => a.label).length);
  host.dataset.highlight = String((scene.highlight || []).length);
  host.dataset.marked = host.marked3d === undefined ? "" : String(host.marked3d);
}

function choose(host, found) {
  const { scene3d: scene } = host;
  const index = found && found.atom !== undefined ? scene.atoms[found.atom].index : undefined;
  host.marked3d = index === host.marked3d ? undefined : index;
  draw(host, scene);
  if (index === undefined) return;
  if (scene.pickable === true || (scene.pickable || []).includes(index)) host.pick3d(index);
}

const KEYS = {
  ArrowLeft: (host) => turnBy(host.viewer3d, [0, 1, 0], -TURN_DEG),
  ArrowRight: (host) => turnBy(host.viewer3d, [0, 1, 0], TURN_DEG),
  ArrowUp: (host) => turnBy(host.viewer3d, [1, 0, 0], -TURN_DEG),
  ArrowDown: (host) => turnBy(host.viewer3d, [1, 0, 0], TURN_DEG),
  "+": (host) => host.viewer3d.zoom(ZOOM),
  "=": (host) => host.viewer3d.zoom(ZOOM),
  "-": (host) => host.viewer3d.zoom(1 / ZOOM),
  0: home,
  Escape: (host) => host.blur(),
};

// wheel and finger scroll the page until the view has the focus
function listen(host) {
  const stage = host.querySelector(".viewer3d-stage");
  const within = (event) => {
    const box = stage.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  for (const kind of ["wheel", "touchstart", "touchmove"]) {
    stage.addEventListener(kind, (event) => {
      if (!host.matches(":focus")) event.stopPropagation();
    }, { capture: true, passive: true });
  }
  let start = null;
  stage.addEventListener("pointerdown", (event) => {
    start = within(event);
    if (event.pointerType === "mouse") host.focus({ preventScroll: true });
  }, { capture: true });
  stage.addEventListener("pointerup", (event) => {
    const [x, y] = within(event);
    const still = start && Math.hypot(x - start[0], y - start[1]) < 5;
    start = null;
    if (!still) return;
    host.focus({ preventScroll: true });
    choose(host, under(host, x, y));
  }, { capture: true });
  stage.addEventListener("pointermove", (event) => {
    if (event.buttons || host.asked3d) return;
    const [x, y] = within(event);
    host.asked3d = requestAnimationFrame(() => {
      host.asked3d = 0;
      if (host.viewer3d) tell(host, under(host, x, y));
    });
  });
  stage.addEventListener("pointerleave", () => host.viewer3d && tell(host, null));
  host.addEventListener("keydown", (event) => {
    const act = KEYS[event.key];
    if (!act || !host.viewer3d || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    act(host);
  });
}

// a slow turn, until the reader takes the molecule into the hand or asks for little motion
function turn(host, wanted) {
  const calm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  const turns = Boolean(wanted) && !calm && !host.touched3d;
  if (turns === Boolean(host.turns3d)) return;
  host.turns3d = turns;
  host.dataset.turns = String(turns);
  host.viewer3d.spin(turns ? "y" : false, 0.35);
  if (turns) {
    const stop = () => { host.touched3d = true; if (host.viewer3d) turn(host, false); };
    for (const kind of ["pointerdown", "wheel", "keydown"]) {
      host.addEventListener(kind, stop, { once: true, capture: true, passive: true });
    }
  }
}

function release(host) {
  if (!host.viewer3d) return;
  turn(host, false);
  host.observer3d.disconnect();
  host.viewer3d = undefined;
}

export default function (component) {
  const { data, parentElement, setStateValue, setTriggerValue } = component;
  const host = parentElement.querySelector(".viewer3d");
  host.style.setProperty("--height", `${data.height_px}px`);
  host.setAttribute("aria-label", data.text);
  // as text: a trigger of 0 would count as none
  host.pick3d = (index) => setTriggerValue("picked", String(index));
  if (!hasWebGL()) {
    say(host, "This browser has no WebGL, which the 3D view needs. Everything else works.");
    return;
  }
  const stage = host.querySelector(".viewer3d-stage");
  Promise.all([loadScript(data.script_url), sized(stage)])
    .then(() => {
      draw(host, data);
      turn(host, data.spin);
      say(host, "");
    })
    .catch((error) => {
      if (error.message === "script") setStateValue("failed", true);
      else say(host, "The 3D view could not start in this browser. Everything else works.");
    });
  // on a page switch the element goes, on new data it stays
  return () => setTimeout(() => { if (!host.isConnected) release(host); }, 0);
}

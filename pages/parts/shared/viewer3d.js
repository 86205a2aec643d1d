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

function draw(host, scene) {
  const stage = host.querySelector(".viewer3d-stage");
  let viewer = host.viewer3d;
  const first = !viewer;
  if (first) {
    viewer = window.$3Dmol.createViewer(stage, { antialias: true });
    if (!viewer) throw new Error("webgl");
    host.viewer3d = viewer;
    host.observer3d = new ResizeObserver(() => {
      if (stage.clientWidth && stage.clientHeight) viewer.resize();
    });
    host.observer3d.observe(stage);
  }
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
  scene.atoms.forEach((a, i) => {
    model.setStyle({ index: i }, {
      sphere: { radius: a.radius_ang, color: a.colour },
      stick: { radius: 0.1, color: a.colour },
    });
    if (a.label) {
      viewer.addLabel(a.label, {
        position: { x: a.x, y: a.y, z: a.z }, fontSize: 11, inFront: true,
        fontColor: "#1A1D22", backgroundColor: "#FFFFFF", backgroundOpacity: 0.75, padding: 1,
        alignment: "center",
      }, undefined, true);
    }
  });
  viewer.setHoverable({}, true,
    (atom) => {
      const r = Math.hypot(atom.x, atom.y, atom.z);
      host.querySelector(".viewer3d-hover").textContent =
        r < 0.001 ? `${atom.elem}, absorber` : `${atom.elem}, ${r.toFixed(2)} \u00c5 from the absorber`;
    },
    () => { host.querySelector(".viewer3d-hover").textContent = ""; });
  if (scene.pickable) {
    viewer.setClickable({}, true, (atom) => host.pick3d(scene.atoms[atom.index].index));
  }
  // the largest first: a translucent sphere hides what is drawn inside it later
  for (const radius of [...scene.shells].reverse()) {
    viewer.addSphere({
      center: { x: 0, y: 0, z: 0 }, radius, color: scene.absorber_colour, opacity: 0.25,
    });
    for (const points of greatCircles(radius)) {
      viewer.addCurve({ points, radius: 0.018, smooth: 1, color: scene.absorber_colour });
    }
    viewer.addLabel(`${radius} \u00c5`, {
      position: { x: radius * 0.7071, y: radius * 0.7071, z: 0 }, fontSize: 11,
      fontColor: "#1A1D22", backgroundColor: "#FFFFFF", backgroundOpacity: 0.75, padding: 1,
      alignment: "center", inFront: true,
    }, undefined, true);
  }
  // the camera stays where the reader left it while only frame, labels or shells change
  if (first || host.structure3d !== scene.structure) {
    viewer.zoomTo();
    // a little aslant, so that trans ligands do not hide each other
    if (first) {
      viewer.rotate(25, "y");
      viewer.rotate(18, "x");
    }
    viewer.zoom(0.9);  // no atom at the rim is cut off
  }
  host.structure3d = scene.structure;
  viewer.render();
  host.dataset.atoms = String(model.selectedAtoms({}).length);
  host.dataset.shells = String(scene.shells.length);
  host.dataset.labels = String(scene.atoms.filter((a) => a.label).length);
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
  const { data, parentElement, setStateValue } = component;
  const host = parentElement.querySelector(".viewer3d");
  host.style.height = `${data.height_px}px`;
  host.pick3d = (index) => setStateValue("picked", index);
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

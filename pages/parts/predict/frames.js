// Tells the page which frame an animation stopped at; the animation itself runs in the chart.
const STILL_MS = 500;

export default function (component) {
  const { data, setTriggerValue } = component;
  let timer, chart, looking;

  function stopped(name) {
    clearTimeout(timer);
    timer = setTimeout(() => setTriggerValue("frame", Number(name)), STILL_MS);
  }

  function listen() {
    const found = document.querySelector(`.st-key-${data.chart} .js-plotly-plot`);
    if (!found || !found.on || found === chart) return;
    chart = found;
    found.on("plotly_animatingframe", (event) => stopped(event.name));
  }

  // plotly rejects the promise of an animation that is paused, without a reason, and nobody takes it
  function paused(event) {
    if (event.reason === undefined) event.preventDefault();
  }
  window.addEventListener("unhandledrejection", paused);

  // the chart may be drawn after this, and be drawn anew
  looking = setInterval(listen, 300);
  listen();
  return () => {
    clearInterval(looking);
    clearTimeout(timer);
    window.removeEventListener("unhandledrejection", paused);
  };
}

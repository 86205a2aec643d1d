// Tells the page which frame an animation stopped at; the animation itself runs in the chart.
const LOOK_MS = 200;
const STILL_MS = 500;

export default function (component) {
  const { data, setTriggerValue } = component;
  let timer;

  // plotly rejects the promise of an animation that is paused, without a reason, and nobody takes it
  function paused(event) {
    if (event.reason === undefined) event.preventDefault();
  }

  function look() {
    const chart = document.querySelector(`.st-key-${data.chart} .js-plotly-plot`);
    const frame = chart && chart._fullLayout && chart._fullLayout._currentFrame;
    // kept with the chart, so that a redraw of the page tells nothing twice
    if (!frame || frame === chart.seenFrame) return;
    chart.seenFrame = frame;
    clearTimeout(timer);
    timer = setTimeout(() => setTriggerValue("frame", Number(frame)), STILL_MS);
  }

  window.addEventListener("unhandledrejection", paused);
  const looking = setInterval(look, LOOK_MS);
  return () => {
    clearInterval(looking);
    clearTimeout(timer);
    window.removeEventListener("unhandledrejection", paused);
  };
}

// Keys of a presentation press the buttons that the page has anyway, so that a presenter's remote
// does what a click does.
const BUTTONS = {
  ArrowRight: "story_next", PageDown: "story_next", " ": "story_next", n: "story_next",
  ArrowLeft: "story_back", PageUp: "story_back", Backspace: "story_back", p: "story_back",
  Escape: "story_leave",
};

function writes(element) {
  return element instanceof Element &&
    (element.isContentEditable || element.matches("input, textarea, select, .viewer3d"));
}

export default function (component) {
  const { data, setStateValue } = component;
  const listen = (event) => {
    const name = BUTTONS[event.key];
    if (!name || event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key !== "Escape" && event.composedPath().some(writes)) return;
    const focused = event.composedPath()[0];
    // a button that has the focus is pressed by the browser itself
    if (event.key === " " && focused instanceof Element && focused.closest("button, a")) return;
    const button = document.querySelector(`.st-key-${name} button`);
    event.preventDefault();
    if (button && !button.disabled) button.click();
  };
  document.addEventListener("keydown", listen);
  // the figure is as tall as the screen allows
  const measure = () => {
    const tall = Math.round(window.innerHeight / 20) * 20;
    if (tall !== data.screen_px) setStateValue("screen_px", tall);
  };
  let waiting;
  const resized = () => { clearTimeout(waiting); waiting = setTimeout(measure, 300); };
  window.addEventListener("resize", resized);
  measure();
  return () => {
    document.removeEventListener("keydown", listen);
    window.removeEventListener("resize", resized);
    clearTimeout(waiting);
  };
}

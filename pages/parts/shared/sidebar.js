// On a phone the sidebar covers the page: close it once the reader has chosen something there.
const NARROW_PX = 768;

export default function ({ data }) {
  const before = window.xanesSidebarChoice;
  window.xanesSidebarChoice = data.choice;
  if (before === undefined || before === data.choice || window.innerWidth > NARROW_PX) return;
  const sidebar = document.querySelector('[data-testid="stSidebar"]');
  if (sidebar?.dataset.collapsed !== "false") return;
  sidebar.querySelector('[data-testid="stSidebarCollapseButton"] button')?.click();
}

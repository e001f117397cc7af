// Clicking a population in the picture opens its facts; without this the link leads there all the same.
function show() {
  const found = location.hash.length > 1 ? document.getElementById(location.hash.slice(1)) : null;
  if (found instanceof HTMLDetailsElement) {
    found.open = true;
    found.scrollIntoView({ block: "nearest" });
    found.querySelector("summary").focus();
  }
}
addEventListener("hashchange", show);
show();

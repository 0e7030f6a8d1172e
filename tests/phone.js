/* What doesn't fit a phone: elements wider than the page that have no scroll bar of their own, and text in figures that
   comes out smaller than the limit. Each entry names the element. texts: a picture's file name → the size of its smallest
   text as a share of its width, and that text. */
([limit, texts]) => {
  const found = [];
  const page = document.documentElement.clientWidth;
  const article = document.querySelector("article");
  if (!article) return found;
  const name = (e) => {
    const figure = e.closest("figure, .cell, table, .math, section");
    const at = e.id || (figure && (figure.id || (figure.querySelector("[id]") || {}).id)) || "";
    const said = (e.alt || e.textContent || "").trim().replace(/\s+/g, " ").slice(0, 60);
    return `${e.tagName.toLowerCase()}.${e.getAttribute("class") || ""} #${at} “${said}”`;
  };
  const scrolls = (e) => {
    for (let p = e; p && p !== document.body; p = p.parentElement) {
      const style = getComputedStyle(p);
      const box = p.getBoundingClientRect();
      if (["auto", "scroll"].includes(style.overflowX) && box.right <= page + 1 && p.clientWidth > 0) return true;
      if (style.overflowX === "hidden" && (style.clipPath !== "none" || box.width <= 1)) return true;
    }
    return false;
  };
  for (const e of article.querySelectorAll("*")) {
    if (e.closest("mjx-assistive-mml") || (e.closest("svg") && e.tagName !== "svg")) continue;
    const box = e.getBoundingClientRect();
    if (!box.width || !box.height || box.right <= page + 1) continue;
    if (scrolls(e)) continue;
    if (e.parentElement !== article && e.parentElement.getBoundingClientRect().right > page + 1) continue;
    found.push(`wider than the page (${Math.round(box.right)} > ${page} px): ${name(e)}`);
  }
  for (const img of article.querySelectorAll("img")) {
    const width = img.getBoundingClientRect().width;
    const [share, words] = texts[decodeURIComponent(img.src.split("/").pop())] || [0, ""];
    if (!width || !share) continue;
    const size = share * width;
    if (size < limit) found.push(`text of ${size.toFixed(1)} px, “${words}”, in a figure: ${name(img)}`);
  }
  return found;
}

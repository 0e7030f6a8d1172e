// The contrast of every visible piece of an article's text with what stands behind it, as WCAG 2 defines it.
// Returns [contrast, whether it is code, how the text begins] for each piece.
() => {
  const parse = (color) => {
    const parts = color.match(/[\d.]+/g).map(Number);
    return parts.length < 4 ? [...parts.slice(0, 3), 1] : parts;
  };
  const luminance = (color) => {
    const [r, g, b] = color.map((v) => (v / 255 <= 0.03928 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const over = (top, below) => [0, 1, 2].map((i) => top[3] * top[i] + (1 - top[3]) * below[i]);
  const behind = (element) => {
    const layers = [];
    for (; element; element = element.parentElement) {
      const color = parse(getComputedStyle(element).backgroundColor);
      if (color[3] > 0) layers.push(color);
      if (color[3] === 1) break;
    }
    return layers.reverse().reduce((below, top) => over(top, below), [255, 255, 255]);
  };
  const found = [];
  const walker = document.createTreeWalker(document.querySelector("article"), NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode.data.trim();
    const element = walker.currentNode.parentElement;
    if (!text || !element.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true })) continue;
    if (element.closest("svg, style, script, .headerlink, .copybtn")) continue;
    const back = behind(element);
    const front = over(parse(getComputedStyle(element).color), back);
    const [lighter, darker] = [luminance(front), luminance(back)].sort((a, b) => b - a);
    found.push([(lighter + 0.05) / (darker + 0.05), Boolean(element.closest("pre")), text.slice(0, 40)]);
  }
  return found;
}

// Every text and mark on the page whose contrast with what is behind it is below WCAG 2.2 AA.
(() => {
  const channels = (color) => color.match(/[\d.]+/g).map(Number);
  const luminance = ([r, g, b]) =>
    [r, g, b]
      .map((c) => c / 255)
      .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
      .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const [r, g, b, a = 1] = channels(getComputedStyle(at).backgroundColor);
      if (a === 1) return [r, g, b];
      if (a !== 0) throw new Error(`half transparent: ${at.outerHTML.slice(0, 80)}`);
    }
    return [255, 255, 255];
  };
  const ratio = (a, b) => {
    const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
    return (high + 0.05) / (low + 0.05);
  };
  const poor = [];
  const check = (element, wanted, words) => {
    const found = ratio(channels(getComputedStyle(element).color), behind(element));
    if (found < wanted) poor.push(`${found.toFixed(2)} < ${wanted}: ${words}`);
  };
  let seen = 0;
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.data.trim() || !element.getClientRects().length) continue;
    const style = getComputedStyle(element);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    check(element, large ? 3 : 4.5, node.data.trim().slice(0, 60));
    seen += 1;
  }
  for (const mark of document.querySelectorAll("svg.mark")) check(mark, 3, mark.outerHTML.slice(0, 60));
  return { poor, seen };
})();

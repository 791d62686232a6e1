"""How far texts stand out from their ground, as WCAG 2 counts it."""

CONTRAST = """() => {
  // Any colour that CSS knows, drawn on a dot: red, green, blue, opacity.
  const pen = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
  const parts = (colour) => {
    pen.clearRect(0, 0, 1, 1);
    pen.fillStyle = colour;
    pen.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = pen.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (above, below, opacity) => [0, 1, 2].map((i) => above[i] * opacity + below[i] * (1 - opacity));
  const light = (colour) => colour.map((part) => part / 255)
    .map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
    .reduce((sum, part, i) => sum + part * [0.2126, 0.7152, 0.0722][i], 0);
  const lineage = (element) => element ? [...lineage(element.parentElement), element] : [];
  const faint = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim() || !element.checkVisibility({ visibilityProperty: true })) continue;
    if (element.closest('.unseen, .skip, :disabled, noscript')) continue;
    let ground = [255, 255, 255];
    let opacity = 1;
    for (const each of lineage(element)) {
      const style = getComputedStyle(each);
      const own = parts(style.backgroundColor);
      ground = over(own, ground, own[3]);
      opacity *= Number(style.opacity);
    }
    const style = getComputedStyle(element);
    const ink = parts(element instanceof SVGElement ? style.fill : style.color);
    const [one, other] = [light(over(ink, ground, ink[3] * opacity)), light(ground)].sort((a, b) => b - a);
    const ratio = (one + 0.05) / (other + 0.05);
    const size = parseFloat(style.fontSize);
    const least = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700) ? 3 : 4.5;
    if (ratio < least) faint.push(`${walker.currentNode.textContent.trim().slice(0, 40)}: ${ratio.toFixed(2)}`);
  }
  return faint;
}"""

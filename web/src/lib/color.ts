/** Colors for readable text: contrast as WCAG 2.2 computes it. */

export type Rgb = [number, number, number];

export function parseHex(text: string): Rgb | null {
  const m = /^#?([0-9a-f]{3}|[0-9a-f]{6})$/i.exec(text.trim());
  if (!m?.[1]) return null;
  const full = m[1].length === 3 ? [...m[1]].map((c) => c + c).join('') : m[1];
  return [0, 2, 4].map((i) => parseInt(full.slice(i, i + 2), 16)) as Rgb;
}

export const toHex = (rgb: Rgb): string =>
  `#${rgb
    .map((v) =>
      Math.round(Math.max(0, Math.min(255, v)))
        .toString(16)
        .padStart(2, '0'),
    )
    .join('')}`;

const luminance = (rgb: Rgb): number => {
  const [r, g, b] = rgb.map((v) => {
    const s = v / 255;
    return s <= 0.04045 ? s / 12.92 : ((s + 0.055) / 1.055) ** 2.4;
  }) as Rgb;
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};

/** 1 to 21. */
export function contrast(a: Rgb, b: Rgb): number {
  const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x) as [number, number];
  return (high + 0.05) / (low + 0.05);
}

/** The color, moved toward black or white until it reads on `background` at `ratio` (4.5: AA for text). */
export function readable(color: Rgb, background: Rgb, ratio = 4.5): Rgb {
  const goal: Rgb = luminance(background) > 0.18 ? [0, 0, 0] : [255, 255, 255];
  for (let step = 0; step <= 20; step++) {
    const part = step / 20;
    const mixed = color.map((v, i) => v + ((goal[i] ?? 0) - v) * part) as Rgb;
    if (contrast(mixed, background) >= ratio) return mixed;
  }
  return goal;
}

/** Black or white, whichever reads better on it. */
export const inkOn = (background: Rgb): Rgb =>
  contrast([255, 255, 255], background) >= contrast([12, 15, 18], background)
    ? [255, 255, 255]
    : [12, 15, 18];

import { expect, it } from 'vitest';
import { contrast, inkOn, parseHex, readable, toHex } from './color';

it('computes contrast as the standard does', () => {
  expect(contrast([0, 0, 0], [255, 255, 255])).toBeCloseTo(21);
  expect(contrast([118, 118, 118], [255, 255, 255])).toBeCloseTo(4.54, 1);
});

it('makes any accent readable, in light and dark', () => {
  for (const hex of ['#ffee00', '#0b5d6e', '#fff', '#000', '#ff00aa', '#7fb4ff'])
    for (const ground of ['#ffffff', '#14181c']) {
      const color = readable(parseHex(hex)!, parseHex(ground)!);
      expect(contrast(color, parseHex(ground)!), `${hex} on ${ground}`).toBeGreaterThanOrEqual(4.5);
      expect(contrast(inkOn(color), color)).toBeGreaterThanOrEqual(4.5);
    }
  expect(toHex(readable(parseHex('#0b5d6e')!, [255, 255, 255]))).toBe('#0b5d6e');
  expect(parseHex('red')).toBeNull();
});

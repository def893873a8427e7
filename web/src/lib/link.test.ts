import { expect, test } from 'vitest';
import { linkOf } from './link';

test.each([
  ['https://a.example/setup#link=aamas_lnk_1', 'aamas_lnk_1'],
  ['https://a.example/setup?link=aamas_lnk_1', 'aamas_lnk_1'],
  ['https://a.example/invite?a=b#x=y&link=two%2B', 'two+'],
  ['https://a.example/setup', ''],
  ['https://a.example/setup#other', ''],
])('the link of %s', (address, link) => expect(linkOf(new URL(address))).toBe(link));

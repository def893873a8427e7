// Everything is rendered in the browser, from one page.
export const ssr = false;
export const prerender = false;

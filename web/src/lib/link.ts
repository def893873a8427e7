/** The one-time link in an address: behind `#`, which no server's log sees, or as `?link=`. */
export function linkOf(url: URL): string {
  return url.searchParams.get('link') ?? new URLSearchParams(url.hash.slice(1)).get('link') ?? '';
}

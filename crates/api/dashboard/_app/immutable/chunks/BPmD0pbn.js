function e(a){return a.searchParams.get("link")??new URLSearchParams(a.hash.slice(1)).get("link")??""}export{e as l};

// Before the first paint, so that no theme flashes: the chosen one, else the machine's.
(() => {
	let chosen = null;
	try {
		chosen = localStorage.getItem("freehold.theme");
	} catch {}
	const dark = matchMedia("(prefers-color-scheme: dark)").matches;
	document.documentElement.dataset.theme = chosen === "light" || chosen === "dark" ? chosen : dark ? "dark" : "light";
})();

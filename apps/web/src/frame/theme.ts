/** Light or dark: the machine's choice until the person makes one. */
import { useState } from "react";

export type Theme = "light" | "dark";

export function useTheme(): readonly [Theme, () => void] {
	const [theme, setTheme] = useState<Theme>(document.documentElement.dataset["theme"] === "dark" ? "dark" : "light");
	const toggle = (): void => {
		const next = theme === "dark" ? "light" : "dark";
		document.documentElement.dataset["theme"] = next;
		localStorage.setItem("freehold.theme", next);
		setTheme(next);
	};
	return [theme, toggle];
}

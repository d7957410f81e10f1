/** The one tooltip of the page: whatever carries `data-exact` shows it on hover, on focus, and on a tap. */
import { type ReactElement, useEffect, useState } from "react";

interface Tip {
	readonly text: string;
	readonly left: number;
	readonly top: number;
	readonly below: boolean;
}

const DELAY_MS = 220;

export function ExactTip(): ReactElement | null {
	const [tip, setTip] = useState<Tip>();
	useEffect(() => {
		let timer: ReturnType<typeof setTimeout> | undefined;
		const show = (event: Event): void => {
			clearTimeout(timer);
			const target = event.target instanceof Element ? event.target.closest<HTMLElement>("[data-exact]") : null;
			const text = target?.dataset["exact"];
			if (target === null || text === undefined) {
				setTip(undefined);
				return;
			}
			timer = setTimeout(() => {
				const box = target.getBoundingClientRect();
				const below = box.top < 56;
				setTip({ text, left: Math.min(Math.max(box.left + box.width / 2, 12), innerWidth - 12), top: below ? box.bottom + 8 : box.top - 8, below });
			}, DELAY_MS);
		};
		const hide = (): void => {
			clearTimeout(timer);
			setTip(undefined);
		};
		const onEscape = (event: KeyboardEvent): void => {
			if (event.key === "Escape") hide();
		};
		// A finger does not hover: a tap shows it.
		const tap = (event: MouseEvent): void => {
			if (event instanceof PointerEvent && event.pointerType === "touch") show(event);
		};
		document.addEventListener("click", tap);
		document.addEventListener("pointerover", show);
		document.addEventListener("focusin", show);
		document.addEventListener("pointerdown", hide);
		document.addEventListener("scroll", hide, true);
		document.addEventListener("keydown", onEscape);
		return () => {
			clearTimeout(timer);
			document.removeEventListener("click", tap);
			document.removeEventListener("pointerover", show);
			document.removeEventListener("focusin", show);
			document.removeEventListener("pointerdown", hide);
			document.removeEventListener("scroll", hide, true);
			document.removeEventListener("keydown", onEscape);
		};
	}, []);
	if (tip === undefined) return null;
	const anchor = tip.left < 180 ? "0%" : tip.left > innerWidth - 180 ? "-100%" : "-50%";
	return (
		<div
			aria-hidden="true"
			style={{ left: tip.left, top: tip.top, transform: `translate(${anchor}, ${tip.below ? "0" : "-100%"})` }}
			className="pointer-events-none fixed z-[90] max-w-[min(92vw,44rem)] rounded-md bg-ink px-2.5 py-1 font-mono text-fine break-all text-paper lifted"
		>
			{tip.text}
		</div>
	);
}

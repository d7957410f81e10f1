/** Line icons on a grid of 20, drawn for this page. */
import type { ReactElement } from "react";

const PATHS = {
	home: "M3 9.5 10 4l7 5.5V17h-4.5v-4.5h-5V17H3z",
	models: "M3 3h6v9H3zM11 3h6v5h-6zM11 10h6v7h-6zM3 14h6v3H3z",
	publish: "M10 13V3.5M6 7l4-4 4 4M3.5 12v4.5h13V12",
	verify: "M10 2.5 16.5 5v5c0 4-2.7 6.4-6.5 7.5C6.200 16.400 3.500 14 3.500 10V5zM7 9.800l2.200 2.200L13.200 7.800",
	earnings: "M3 17V9M8 17V4M13 17v-6M18 17H2M17 5.500l-2-2-2 2",
	account: "M10 10.500a3.500 3.500 0 1 0 0-7 3.500 3.500 0 0 0 0 7zM3.500 17c.800-3 3.400-4.500 6.500-4.500s5.700 1.500 6.500 4.500",
	chat: "M3.5 4h13v9.500H9.500L6 17v-3.500H3.500zM7 7.500h6M7 10h4",
	send: "M3.500 10 16.500 4l-3 12.500-3.500-5zM10 11.500l6.500-7.500",
	stop: "M5.500 5.500h9v9h-9z",
	again: "M16 10a6 6 0 1 1-1.800-4.300M16 3.500v3.500h-3.500",
	upload: "M10 12.500V3.500M6 7l4-4 4 4M3.500 14v2.500h13V14",
	sliders: "M3 6h7M14 6h3M3 14h3M10 14h7M12 4v4M8 12v4",
	bin: "M4 5.500h12M8 5.500V3.500h4v2M5.500 5.500l.800 11h7.400l.800-11",
	keys: "M8 12.500a3.500 3.500 0 1 1 2-5L17 7.500v3h-2v2h-2.500v-2H10a3.500 3.500 0 0 1-2 2zM6 9h.01",
	copy: "M7 7h9v9H7zM13 4H4v9",
	check: "M4 10.500 8.200 15 16 5.500",
	cross: "M5 5l10 10M15 5 5 15",
	dash: "M5 10h10",
	sun: "M10 13.500a3.500 3.500 0 1 0 0-7 3.500 3.500 0 0 0 0 7zM10 1.500v2M10 16.500v2M1.500 10h2M16.500 10h2M4 4l1.400 1.400M14.600 14.600 16 16M4 16l1.400-1.400M14.600 5.400 16 4",
	moon: "M16.500 12A7 7 0 0 1 8 3.500a7 7 0 1 0 8.500 8.500z",
	down: "M5 8l5 5 5-5",
	right: "M8 5l5 5-5 5",
	left: "M12 5l-5 5 5 5",
	search: "M9 14.500a5.500 5.500 0 1 0 0-11 5.500 5.500 0 0 0 0 11zM13 13l4 4",
	download: "M10 3v9.500M6 9l4 4 4-4M3.500 14v2.500h13V14",
	file: "M5 2.500h6.500L15.500 7v10.500H5zM11 2.500V7h4.500",
	key: "M12.500 11a4 4 0 1 0-3.700-2.500L3 14.300V17h3v-2h2v-2h2l1-1.300c.500.200 1 .300 1.500.300zM13.500 6.500h.01",
	pen: "M4 16l.8-3.500L13.500 4l2.500 2.500-8.700 8.700z",
	offline: "M3 3l14 14M6 12.500a5.500 5.500 0 0 1 3-1.900M3.500 9.200A9.500 9.500 0 0 1 6.500 7.300M11 6.500a9.500 9.500 0 0 1 5.500 2.700M10 16h.01",
	plus: "M10 4v12M4 10h12",
	more: "M4 10h.01M10 10h.01M16 10h.01",
	info: "M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM10 9v4.500M10 6.500h.01",
} as const;

export type IconName = keyof typeof PATHS;

export const iconNames = Object.keys(PATHS) as readonly IconName[];

export function Icon({ name, size = 18, className }: { readonly name: IconName; readonly size?: number; readonly className?: string }): ReactElement {
	return (
		<svg
			viewBox="0 0 20 20"
			width={size}
			height={size}
			fill="none"
			stroke="currentColor"
			strokeWidth={1.6}
			strokeLinecap="round"
			strokeLinejoin="round"
			aria-hidden="true"
			className={`shrink-0 ${className ?? ""}`}
		>
			<path d={PATHS[name]} />
		</svg>
	);
}

/** The mark: a field and its parcels. */
export function Mark({ size = 26 }: { readonly size?: number }): ReactElement {
	return (
		<svg viewBox="0 0 32 32" width={size} height={size} aria-hidden="true" className="shrink-0">
			<rect x="2" y="2" width="28" height="28" rx="5" fill="var(--field)" />
			<path d="M19 2v28M19 12h11M2 21h17" stroke="var(--paper)" strokeWidth="2.5" fill="none" />
		</svg>
	);
}

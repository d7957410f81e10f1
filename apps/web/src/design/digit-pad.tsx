/**
 * Drawing on a small grid with mouse, finger or keyboard. Values run from 0 (paper) to `most` (ink); a stroke inks its cell and, more lightly, those around it, as a
 * pen that is wider than a cell would.
 */
import { type KeyboardEvent, type PointerEvent, type ReactElement, useRef, useState } from "react";
import { cx } from "./cx.js";
import { stroke } from "./ink.js";

interface DigitPadProps {
	readonly side: number;
	readonly most: number;
	readonly pixels: readonly number[];
	readonly onChange: (pixels: readonly number[]) => void;
	readonly label: string;
	readonly disabled?: boolean;
}

export function DigitPad({ side, most, pixels, onChange, label, disabled }: DigitPadProps): ReactElement {
	const field = useRef<HTMLDivElement>(null);
	const drawing = useRef<{ x: number; y: number } | undefined>(undefined);
	const [cursor, setCursor] = useState({ column: Math.floor(side / 2), row: 1 });
	const [keyed, setKeyed] = useState(false);
	const latest = useRef(pixels);
	latest.current = pixels;

	const at = (event: PointerEvent): { x: number; y: number } => {
		const box = field.current?.getBoundingClientRect() ?? { left: 0, top: 0, width: 1, height: 1 };
		return { x: ((event.clientX - box.left) / box.width) * side, y: ((event.clientY - box.top) / box.height) * side };
	};
	const ink = (from: { x: number; y: number }, to: { x: number; y: number }): void => {
		const next = stroke(latest.current, { side, most, from, to });
		latest.current = next;
		onChange(next);
	};
	const keyboard = (event: KeyboardEvent): void => {
		const { column, row } = cursor;
		const moves: Readonly<Record<string, readonly [number, number]>> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
		const move = moves[event.key];
		setKeyed(true);
		if (move !== undefined) {
			event.preventDefault();
			const next = { column: Math.min(side - 1, Math.max(0, column + move[0])), row: Math.min(side - 1, Math.max(0, row + move[1])) };
			setCursor(next);
			if (event.shiftKey && !disabled) ink({ x: column + 0.5, y: row + 0.5 }, { x: next.column + 0.5, y: next.row + 0.5 });
		} else if ((event.key === " " || event.key === "Backspace" || event.key === "Delete") && !disabled) {
			event.preventDefault();
			const index = row * side + column;
			const full = event.key === " " && (latest.current[index] ?? 0) < most;
			const next = latest.current.map((value, other) => (other === index ? (full ? most : 0) : value));
			latest.current = next;
			onChange(next);
		}
	};
	return (
		<div
			ref={field}
			tabIndex={0}
			role="application"
			aria-roledescription="drawing pad"
			aria-label={`${label}. Arrow keys move, Space inks or clears a cell, Shift with an arrow draws a line.`}
			onKeyDown={keyboard}
			onBlur={() => setKeyed(false)}
			onPointerDown={(event) => {
				if (disabled || event.button !== 0) return;
				event.currentTarget.setPointerCapture(event.pointerId);
				const point = at(event);
				drawing.current = point;
				ink(point, point);
			}}
			onPointerMove={(event) => {
				if (drawing.current === undefined) return;
				const point = at(event);
				ink(drawing.current, point);
				drawing.current = point;
			}}
			onPointerUp={() => {
				drawing.current = undefined;
			}}
			onPointerCancel={() => {
				drawing.current = undefined;
			}}
			className={cx(
				"grid aspect-square w-full touch-none select-none gap-[3px] rounded-card border border-edge bg-sunken p-[3px]",
				disabled ? "cursor-not-allowed" : "cursor-crosshair",
			)}
			style={{ gridTemplateColumns: `repeat(${side}, minmax(0, 1fr))` }}
		>
			{pixels.map((value, index) => {
				const here = keyed && index === cursor.row * side + cursor.column;
				return (
					<div
						// biome-ignore lint/suspicious/noArrayIndexKey: a cell is its place.
						key={index}
						className={cx("rounded-[3px] bg-surface", here && "outline-2 outline-field")}
					>
						<div className="size-full rounded-[3px] bg-ink transition-opacity duration-100" style={{ opacity: value / most }} />
					</div>
				);
			})}
		</div>
	);
}

/** Buttons: one solid one per view, the others quiet. A busy one keeps its width and says what it does. */
import type { ButtonHTMLAttributes, ReactElement, ReactNode } from "react";
import { cx } from "./cx.js";
import { Icon, type IconName } from "./icon.js";

export type ButtonKind = "solid" | "outline" | "quiet" | "danger";

const KINDS: Readonly<Record<ButtonKind, string>> = {
	solid: "bg-field text-field-ink hover:brightness-110 active:brightness-95",
	outline: "border border-edge bg-surface text-ink hover:border-ink hover:bg-sunken",
	quiet: "text-ink hover:bg-sunken",
	danger: "border border-bad text-bad bg-surface hover:bg-bad-wash",
};

/** For links that look like buttons. */
export function buttonClass(kind: ButtonKind = "outline", small = false): string {
	return cx(
		"inline-flex items-center justify-center gap-2 rounded-lg font-semibold no-underline select-none transition-[filter,background-color,border-color] duration-100",
		"disabled:opacity-55 disabled:hover:brightness-100",
		small ? "min-h-8 px-2.5 text-fine" : "min-h-11 px-4 text-small",
		KINDS[kind],
	);
}

export interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
	readonly kind?: ButtonKind;
	readonly small?: boolean;
	readonly icon?: IconName;
	/** What is happening; the button waits meanwhile. */
	readonly busy?: string | false | undefined;
	readonly children?: ReactNode;
}

export function Button({ kind, small, icon, busy, children, className, disabled, ...rest }: ButtonProps): ReactElement {
	const waiting = typeof busy === "string";
	return (
		<button type="button" {...rest} disabled={disabled === true || waiting} aria-busy={waiting} className={cx(buttonClass(kind, small), className)}>
			{waiting ? (
				<span className="breathe inline-block size-2 rounded-full bg-current" aria-hidden="true" />
			) : (
				icon && <Icon name={icon} size={small ? 15 : 17} />
			)}
			{waiting ? busy : children}
		</button>
	);
}

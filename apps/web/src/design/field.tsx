/** Form fields: label above, hint or fault below, both tied to the control. */
import { type InputHTMLAttributes, type ReactElement, type ReactNode, type SelectHTMLAttributes, type TextareaHTMLAttributes, useId } from "react";
import { cx } from "./cx.js";

interface FieldFrame {
	readonly label: string;
	readonly hint?: ReactNode;
	readonly fault?: string | undefined;
	/** Stands at the end of the control: a unit. */
	readonly unit?: string;
}

const CONTROL =
	"w-full min-h-11 rounded-lg border bg-surface px-3 py-2 text-ink placeholder:text-soft/80 hover:border-ink disabled:opacity-60 disabled:hover:border-edge";

function Frame({ id, label, hint, fault, unit, children }: FieldFrame & { readonly id: string; readonly children: ReactNode }): ReactElement {
	return (
		<div className="flex min-w-0 flex-col gap-1.5">
			<label htmlFor={id} className="text-small font-semibold">
				{label}
			</label>
			<div className="relative">
				{children}
				{unit && <span className="pointer-events-none absolute inset-y-0 right-3 flex items-center text-small text-soft">{unit}</span>}
			</div>
			{fault ? (
				<p id={`${id}-note`} className="text-fine font-medium text-bad">
					{fault}
				</p>
			) : (
				hint && (
					<p id={`${id}-note`} className="text-fine text-soft">
						{hint}
					</p>
				)
			)}
		</div>
	);
}

function common(id: string, { fault, hint }: FieldFrame): { id: string; "aria-invalid": boolean; "aria-describedby"?: string } {
	return { id, "aria-invalid": fault !== undefined, ...(fault !== undefined || hint !== undefined ? { "aria-describedby": `${id}-note` } : {}) };
}

export function TextField({ label, hint, fault, unit, className, ...rest }: FieldFrame & InputHTMLAttributes<HTMLInputElement>): ReactElement {
	const id = useId();
	const frame = { label, ...(hint === undefined ? {} : { hint }), ...(fault === undefined ? {} : { fault }), ...(unit === undefined ? {} : { unit }) };
	return (
		<Frame id={id} {...frame}>
			<input {...rest} {...common(id, frame)} className={cx(CONTROL, fault ? "border-bad" : "border-edge", unit !== undefined && "pr-16", className)} />
		</Frame>
	);
}

export function TextArea({ label, hint, fault, className, ...rest }: FieldFrame & TextareaHTMLAttributes<HTMLTextAreaElement>): ReactElement {
	const id = useId();
	const frame = { label, ...(hint === undefined ? {} : { hint }), ...(fault === undefined ? {} : { fault }) };
	return (
		<Frame id={id} {...frame}>
			<textarea {...rest} {...common(id, frame)} className={cx(CONTROL, "min-h-28", fault ? "border-bad" : "border-edge", className)} />
		</Frame>
	);
}

export function Choice({ label, hint, fault, children, className, ...rest }: FieldFrame & SelectHTMLAttributes<HTMLSelectElement>): ReactElement {
	const id = useId();
	const frame = { label, ...(hint === undefined ? {} : { hint }), ...(fault === undefined ? {} : { fault }) };
	return (
		<Frame id={id} {...frame}>
			<select {...rest} {...common(id, frame)} className={cx(CONTROL, "border-edge", className)}>
				{children}
			</select>
		</Frame>
	);
}

export function Tick({
	label,
	checked,
	onChange,
	hint,
}: {
	readonly label: ReactNode;
	readonly hint?: string;
	readonly checked: boolean;
	readonly onChange: (checked: boolean) => void;
}): ReactElement {
	return (
		<label className="flex gap-3 py-1">
			<input type="checkbox" checked={checked} onChange={(event) => onChange(event.target.checked)} className="mt-1 size-4.5 shrink-0 accent-[var(--field)]" />
			<span className="text-small">
				{label}
				{hint && <span className="block text-fine text-soft">{hint}</span>}
			</span>
		</label>
	);
}

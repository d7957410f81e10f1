/** A place for one file: dropped here, or chosen. Small once there is one. */
import { type DragEvent, type ReactElement, useRef, useState } from "react";
import { Button } from "./button.js";
import { cx } from "./cx.js";
import { Icon, type IconName } from "./icon.js";

export interface FileDropProps {
	/** Names the place for a screen reader. */
	readonly label: string;
	readonly invitation: string;
	readonly action: string;
	readonly icon: IconName;
	/** What the file chooser offers. */
	readonly accept: string;
	readonly small: boolean;
	/** Takes nothing for now. */
	readonly disabled?: boolean;
	readonly onFile: (file: File) => void;
}

export function FileDrop({ label, invitation, action, icon, accept, small, disabled = false, onFile }: FileDropProps): ReactElement {
	const input = useRef<HTMLInputElement>(null);
	const [over, setOver] = useState(false);
	return (
		<div
			role="group"
			aria-label={label}
			onDragOver={(event: DragEvent) => {
				event.preventDefault();
				setOver(!disabled);
			}}
			onDragLeave={() => setOver(false)}
			onDrop={(event: DragEvent) => {
				event.preventDefault();
				setOver(false);
				const file = event.dataTransfer.files[0];
				if (file && !disabled) onFile(file);
			}}
			className={cx(
				"sheet flex flex-wrap items-center justify-center gap-x-5 gap-y-3 rounded-card border-2 border-dashed px-6 text-center transition-colors",
				small ? "py-5" : "py-14",
				over ? "border-field bg-field-wash" : "border-edge/70",
			)}
		>
			<Icon name={icon} size={small ? 20 : 28} className="text-soft" />
			<p className={small ? "text-small" : "text-lead"}>{invitation}</p>
			<Button kind={small ? "outline" : "solid"} small={small} disabled={disabled} onClick={() => input.current?.click()}>
				{action}
			</Button>
			<input
				ref={input}
				type="file"
				accept={accept}
				aria-label={label}
				className="sr-only"
				tabIndex={-1}
				onChange={(event) => {
					const file = event.target.files?.[0];
					event.target.value = "";
					if (file) onFile(file);
				}}
			/>
		</div>
	);
}

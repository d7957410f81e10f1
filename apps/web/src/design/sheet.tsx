/** A dialog: from below on phones, in the middle elsewhere. Focus stays inside, Escape closes, the opener gets it back. */
import { Dialog } from "@base-ui/react/dialog";
import type { ReactElement, ReactNode } from "react";
import { Icon } from "./icon.js";

export function Sheet({
	open,
	title,
	onClose,
	children,
	wide,
}: {
	readonly open: boolean;
	readonly title: string;
	readonly onClose: () => void;
	readonly children: ReactNode;
	readonly wide?: boolean;
}): ReactElement {
	return (
		<Dialog.Root open={open} onOpenChange={(next) => !next && onClose()}>
			<Dialog.Portal>
				<Dialog.Backdrop className="veil fixed inset-0 z-50 bg-[oklch(0.18_0.02_195/0.5)]" />
				<Dialog.Popup
					className={`drawer fixed inset-x-0 bottom-0 z-60 mx-auto flex max-h-[92dvh] flex-col rounded-t-2xl border border-line bg-surface lifted sm:top-1/2 sm:bottom-auto sm:-translate-y-1/2 sm:rounded-2xl ${wide ? "sm:max-w-2xl" : "sm:max-w-md"}`}
				>
					<div className="flex items-start justify-between gap-4 px-5 pt-5 pb-2">
						<Dialog.Title className="font-display text-title font-semibold">{title}</Dialog.Title>
						<Dialog.Close aria-label="Close" className="-m-1.5 rounded-lg p-2 text-soft hover:bg-sunken hover:text-ink">
							<Icon name="cross" size={17} />
						</Dialog.Close>
					</div>
					<div className="overflow-y-auto px-5 pb-5">{children}</div>
				</Dialog.Popup>
			</Dialog.Portal>
		</Dialog.Root>
	);
}

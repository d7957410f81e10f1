/** The conversations on this device: begin, open, name, keep as a file, bring back, remove. */
import { type FormEvent, type ReactElement, useRef, useState } from "react";
import type { Head } from "../../conversations/shelf.js";
import { Button } from "../../design/button.js";
import { cx } from "../../design/cx.js";
import { TextField } from "../../design/field.js";
import { Sheet } from "../../design/sheet.js";
import { Skeleton, type Trouble, TroubleNote } from "../../design/states.js";
import { Time } from "../../design/values.js";

export interface ListProps {
	/** Undefined while it is read; `closed`: nobody is here whose key opens it. */
	readonly heads: readonly Head[] | "closed" | undefined;
	readonly trouble: Trouble | undefined;
	readonly current: string | undefined;
	readonly onOpen: (id: string) => void;
	readonly onNew: () => void;
	readonly onUnlock: () => void;
	readonly onRename: (id: string, title: string) => Promise<void>;
	readonly onExport: (id: string) => Promise<void>;
	readonly onImport: (file: File) => Promise<void>;
	readonly onRemove: (id: string) => Promise<void>;
}

const MOST_CHARACTERS = 100;

export function ConversationList({ heads, trouble, current, onOpen, onNew, onUnlock, onRename, onExport, onImport, onRemove }: ListProps): ReactElement {
	const input = useRef<HTMLInputElement>(null);
	const [managed, setManaged] = useState<Head>();
	return (
		<div className="flex flex-col gap-3">
			<div className="flex flex-wrap gap-2">
				<Button small kind="solid" icon="plus" onClick={onNew}>
					New
				</Button>
				<Button small icon="upload" onClick={() => input.current?.click()}>
					Import
				</Button>
				<input
					ref={input}
					type="file"
					aria-label="Conversation file"
					accept=".json,application/json"
					className="sr-only"
					tabIndex={-1}
					onChange={(event) => {
						const file = event.target.files?.[0];
						event.target.value = "";
						if (file) void onImport(file);
					}}
				/>
			</div>
			{trouble && <TroubleNote trouble={trouble} />}
			{heads === undefined ? (
				<Skeleton lines={4} label="Reading your conversations" />
			) : heads === "closed" ? (
				<div className="flex flex-col items-start gap-2 text-small text-soft">
					<p>Your conversations are encrypted under your key, which is locked.</p>
					<Button small icon="key" onClick={onUnlock}>
						Open it
					</Button>
				</div>
			) : heads.length === 0 ? (
				<p className="text-small text-soft">None yet. They are kept here, on this device, encrypted.</p>
			) : (
				<ul className="flex flex-col gap-0.5" aria-label="Conversations">
					{heads.map((head) => (
						<li key={head.id} className={cx("group/row flex items-center rounded-lg", head.id === current ? "bg-field-wash" : "hover:bg-sunken")}>
							<button
								type="button"
								aria-current={head.id === current ? "true" : undefined}
								onClick={() => onOpen(head.id)}
								className="min-w-0 flex-1 rounded-lg px-2.5 py-2 text-left"
							>
								<span className="block truncate text-small font-medium">{head.title || "Without a name"}</span>
								<span className="block truncate text-fine text-soft">
									<Time value={head.updatedAt} /> · {head.model}
								</span>
							</button>
							<Button small kind="quiet" icon="more" aria-label={`Name, keep or remove: ${head.title}`} onClick={() => setManaged(head)} />
						</li>
					))}
				</ul>
			)}
			{managed && (
				<Manage
					head={managed}
					onClose={() => setManaged(undefined)}
					onRename={(title) => onRename(managed.id, title)}
					onExport={() => onExport(managed.id)}
					onRemove={() => onRemove(managed.id)}
				/>
			)}
		</div>
	);
}

interface ManageProps {
	readonly head: Head;
	readonly onClose: () => void;
	readonly onRename: (title: string) => Promise<void>;
	readonly onExport: () => Promise<void>;
	readonly onRemove: () => Promise<void>;
}

function Manage({ head, onClose, onRename, onExport, onRemove }: ManageProps): ReactElement {
	const [title, setTitle] = useState(head.title);
	const [removing, setRemoving] = useState(false);
	return (
		<Sheet open title="This conversation" onClose={onClose}>
			<form
				className="flex items-end gap-2"
				onSubmit={(event: FormEvent) => {
					event.preventDefault();
					void onRename(title.trim()).then(onClose);
				}}
			>
				<div className="flex-1">
					<TextField label="Name" value={title} maxLength={MOST_CHARACTERS} onChange={(event) => setTitle(event.target.value)} />
				</div>
				<Button type="submit" disabled={title.trim() === "" || title.trim() === head.title}>
					Rename
				</Button>
			</form>
			<div className="mt-5 flex flex-col items-start gap-1.5">
				<Button icon="download" onClick={() => void onExport().then(onClose)}>
					Keep as a file
				</Button>
				<p className="text-fine text-soft">With every receipt, so that anyone can check the answers. The file is not encrypted.</p>
			</div>
			<div className="mt-5 flex flex-col items-start gap-2 border-t border-line pt-4">
				{removing ? (
					<>
						<p className="text-small">It is removed from this device, with its receipts. What was paid stays paid.</p>
						<div className="flex gap-2">
							<Button kind="danger" icon="bin" onClick={() => void onRemove().then(onClose)}>
								Remove it
							</Button>
							<Button kind="quiet" onClick={() => setRemoving(false)}>
								Keep it
							</Button>
						</div>
					</>
				) : (
					<Button kind="quiet" icon="bin" onClick={() => setRemoving(true)}>
						Remove from this device
					</Button>
				)}
			</div>
		</Sheet>
	);
}

/** The turns of a conversation as they are read: what was asked, what was answered, what was called, and what is known of each answer. */
import { memo, type ReactElement, type ReactNode, useEffect, useRef, useState } from "react";
import type { AnswerTurn, ToolTurn, UserTurn } from "../../conversations/conversation.js";
import { Button } from "../../design/button.js";
import { CopyButton } from "../../design/copy-button.js";
import { cx } from "../../design/cx.js";
import { Icon, type IconName } from "../../design/icon.js";
import { Markdown } from "../../design/markdown.js";
import { More } from "../../design/parts.js";
import { TroubleNote } from "../../design/states.js";
import { Amount } from "../../design/values.js";

/** Where a turn stands among its branches, from 1. */
export interface Branch {
	readonly at: number;
	readonly of: number;
}

interface BranchProps {
	readonly branch: Branch;
	readonly onBranch: (step: 1 | -1) => void;
}

const SMALL =
	"inline-flex min-h-8 items-center gap-1.5 rounded-md px-2 text-fine font-medium text-soft hover:bg-sunken hover:text-ink disabled:opacity-45 disabled:hover:bg-transparent";

function Small({
	icon,
	label,
	children,
	...rest
}: {
	readonly icon: IconName;
	readonly label?: string;
	readonly children?: ReactNode;
	readonly disabled?: boolean;
	readonly onClick: () => void;
}): ReactElement {
	return (
		<button type="button" {...rest} aria-label={label} className={SMALL}>
			<Icon name={icon} size={14} />
			{children}
		</button>
	);
}

function Branches({ branch: { at, of }, onBranch }: BranchProps): ReactElement | null {
	if (of < 2) return null;
	return (
		<span role="group" aria-label="Branches" className="inline-flex items-center text-fine text-soft">
			<Small icon="left" label="The branch before" disabled={at === 1} onClick={() => onBranch(-1)} />
			<span aria-live="polite">
				{at}
				<span aria-hidden="true"> / </span>
				<span className="sr-only"> of </span>
				{of}
			</span>
			<Small icon="right" label="The branch after" disabled={at === of} onClick={() => onBranch(1)} />
		</span>
	);
}

export const Asked = memo(function Asked({
	turn,
	idle,
	branch,
	onBranch,
	onEdit,
}: BranchProps & { readonly turn: UserTurn; readonly idle: boolean; readonly onEdit: (text: string) => Promise<boolean> }): ReactElement {
	const [editing, setEditing] = useState(false);
	return (
		<article aria-label="You" data-turn="user" className="flex flex-col items-end gap-1">
			{editing ? (
				<Editor
					text={turn.text}
					onCancel={() => setEditing(false)}
					onDone={async (text) => {
						if (await onEdit(text)) setEditing(false);
					}}
				/>
			) : (
				<p className="max-w-[85%] rounded-2xl rounded-br-md bg-field-wash px-4 py-2.5 break-words whitespace-pre-wrap">{turn.text}</p>
			)}
			<div className="flex flex-wrap items-center justify-end">
				<Branches branch={branch} onBranch={onBranch} />
				{!editing && (
					<Small icon="pen" disabled={!idle} onClick={() => setEditing(true)}>
						Edit
					</Small>
				)}
				<CopyButton text={turn.text} label="what you said" />
			</div>
		</article>
	);
});

function Editor({
	text,
	onDone,
	onCancel,
}: {
	readonly text: string;
	readonly onDone: (text: string) => Promise<void>;
	readonly onCancel: () => void;
}): ReactElement {
	const [draft, setDraft] = useState(text);
	const field = useRef<HTMLTextAreaElement>(null);
	useEffect(() => {
		field.current?.focus();
		field.current?.setSelectionRange(text.length, text.length);
	}, [text]);
	return (
		<form
			className="card flex w-full max-w-2xl flex-col gap-2 p-2"
			onSubmit={(event) => {
				event.preventDefault();
				void onDone(draft.trim());
			}}
		>
			<textarea
				ref={field}
				aria-label="Your message"
				value={draft}
				rows={3}
				onChange={(event) => setDraft(event.target.value)}
				onKeyDown={(event) => event.key === "Escape" && onCancel()}
				className="w-full resize-y rounded-lg bg-surface px-3 py-2"
			/>
			<div className="flex flex-wrap items-center justify-end gap-2">
				<p className="mr-auto pl-1 text-fine text-soft">What stands here now stays as a branch.</p>
				<Button small kind="quiet" onClick={onCancel}>
					Leave it
				</Button>
				<Button small kind="solid" type="submit" disabled={draft.trim() === ""}>
					Ask this instead
				</Button>
			</div>
		</form>
	);
}

export const Answered = memo(function Answered({
	turn,
	live,
	idle,
	branch,
	onBranch,
	onRetry,
	onKnown,
	onRecover,
}: BranchProps & {
	readonly turn: AnswerTurn;
	/** What is happening to it now. */
	readonly live: "asking" | "writing" | "stopping" | undefined;
	readonly idle: boolean;
	readonly onRetry: (shorter: boolean) => void;
	readonly onKnown: () => void;
	readonly onRecover: () => void;
}): ReactElement {
	const lost = turn.end === "running" && live === undefined;
	return (
		<article
			aria-label={`Answer of ${turn.model}`}
			aria-busy={live !== undefined}
			data-turn="answer"
			data-end={turn.end}
			className="flex min-w-0 flex-col gap-1"
		>
			{turn.leftOut > 0 && <p className="text-fine text-soft">Asked without the first {turn.leftOut} messages: they no longer fit the model.</p>}
			{turn.reasoning && (
				<More summary="What it thought first">
					<p className="border-l-2 border-line pl-3 text-small whitespace-pre-wrap text-soft">{turn.reasoning}</p>
				</More>
			)}
			{turn.text !== "" && <Markdown text={turn.text} />}
			{turn.toolCalls.map(({ id, name, arguments: given }) => (
				<p key={id} data-tool-call={name} className="flex flex-wrap items-baseline gap-x-2 text-small">
					<Icon name="sliders" size={14} className="self-center text-soft" />
					<span className="text-soft">calls</span> <code className="font-mono text-fine font-medium">{name}</code>
					<code className="font-mono text-fine break-all text-soft">{given}</code>
				</p>
			))}
			{live !== undefined && (
				<p className="flex items-center gap-2 text-small text-soft">
					<span className="breathe inline-block size-2 rounded-full bg-field" aria-hidden="true" />
					{WORDS[live]}
				</p>
			)}
			{turn.failure && <Failed turn={turn} idle={idle} onRetry={onRetry} />}
			{lost && (
				<p className="flex flex-wrap items-center gap-3 text-small text-soft">
					It was cut off with the page.
					<Button small disabled={!idle} onClick={onRecover}>
						See what came
					</Button>
				</p>
			)}
			{live === undefined && !lost && (
				<div className="-ml-2 flex flex-wrap items-center">
					<Mark turn={turn} onKnown={onKnown} />
					{ENDS[turn.end] && <span className="px-2 text-fine text-soft">{ENDS[turn.end]}</span>}
					{turn.text !== "" && <CopyButton text={turn.text} label="the answer" />}
					{!turn.failure && (
						<Small icon="again" disabled={!idle} onClick={() => onRetry(false)}>
							Try again
						</Small>
					)}
					<Branches branch={branch} onBranch={onBranch} />
				</div>
			)}
		</article>
	);
});

const WORDS = { asking: "Paying and asking", writing: "Writing", stopping: "Stopping; waiting for the receipt of what came" } as const;

const ENDS: Readonly<Partial<Record<AnswerTurn["end"], string>>> = {
	length: "cut at its limit",
	cancelled: "stopped",
	filter: "ended by its provider's filter",
};

/** The quiet mark: that it was checked, and what it cost. Everything else is behind it. */
function Mark({ turn: { paid, end, callId }, onKnown }: { readonly turn: AnswerTurn; readonly onKnown: () => void }): ReactElement | null {
	if (paid === undefined)
		return end === "cancelled" || end === "failed" ? (
			<span className="px-2 text-fine text-soft">{callId === undefined ? "It had not begun" : "Nothing was charged"}</span>
		) : null;
	return (
		<button type="button" onClick={onKnown} data-state={paid.state} className={cx(SMALL, "group/mark")}>
			<Icon name="verify" size={15} className={paid.state === "final" ? "text-good" : ""} />
			<span className="sr-only">What is known about this answer; paid </span>
			<Amount value={paid.charge} />
		</button>
	);
}

function Failed({
	turn,
	idle,
	onRetry,
}: {
	readonly turn: AnswerTurn;
	readonly idle: boolean;
	readonly onRetry: (shorter: boolean) => void;
}): ReactElement | null {
	if (turn.failure === undefined) return null;
	const { title, detail, code, retryable } = turn.failure;
	const tooLong = code === "text.tooLong";
	const poor = code === "payment.insufficient" || code === "account.noFunds";
	return (
		<div className="max-w-prose">
			<TroubleNote trouble={{ title, detail, code, retryable }} />
			<div className="mt-2 flex flex-wrap gap-2">
				<Button small icon="again" disabled={!idle} onClick={() => onRetry(tooLong)}>
					{tooLong ? "Ask without the beginning" : "Try again"}
				</Button>
				{poor && (
					<a href="/account" className="inline-flex min-h-8 items-center px-1 text-fine font-semibold underline">
						Get or add money in your account
					</a>
				)}
			</div>
		</div>
	);
}

export function ToolResult({ turn }: { readonly turn: ToolTurn }): ReactElement {
	return (
		<article aria-label={`Result of ${turn.name}`} data-turn="tool" className="flex items-baseline gap-2 border-l-2 border-line pl-3 text-small">
			<code className="font-mono text-fine font-medium text-soft">{turn.name}</code>
			<span className="min-w-0 break-words whitespace-pre-wrap">{turn.text}</span>
		</article>
	);
}

/** Where one writes: the message, whom it goes to, what it can cost, and stop. */
import { useQuery } from "@tanstack/react-query";
import { type KeyboardEvent, type ReactElement, useDeferredValue, useEffect, useMemo, useRef, useState } from "react";
import { mostForText } from "../../asking/text-price.js";
import { type Conversation, plainTokenLimit, type Settings, type Turn } from "../../conversations/conversation.js";
import { Button } from "../../design/button.js";
import { cx } from "../../design/cx.js";
import { Icon } from "../../design/icon.js";
import { Amount } from "../../design/values.js";
import { warmUp } from "../../network/freehold.js";
import { modelQuery, quoteQuery } from "../../network/queries.js";
import { requestOf } from "./request.js";
import { SettingsPanel } from "./settings-panel.js";

interface ComposerProps {
	readonly conversation: Conversation;
	readonly path: readonly Turn[];
	readonly phase: "idle" | "asking" | "writing" | "stopping";
	/** Names of the models that can be asked. */
	readonly models: readonly string[];
	/** Written by a suggestion. */
	readonly suggested: { readonly text: string } | undefined;
	readonly onModel: (model: string) => void;
	readonly onSettings: (settings: Settings) => void;
	/** False: nothing was said, and the text stays. */
	readonly onSay: (text: string) => Promise<boolean>;
	readonly onStop: () => void;
}

const MOST_ROWS_PX = 240;

export function Composer({ conversation, path, phase, models, suggested, onModel, onSettings, onSay, onStop }: ComposerProps): ReactElement {
	const [text, setText] = useState("");
	const [open, setOpen] = useState(false);
	const field = useRef<HTMLTextAreaElement>(null);
	const { model, settings } = conversation;
	const details = useQuery({ ...modelQuery(model), enabled: model !== "" });
	const window = details.data?.text;
	const talks = window === undefined || window.tasks.includes("chat");
	useEffect(() => {
		if (suggested === undefined) return;
		setText(suggested.text);
		field.current?.focus();
	}, [suggested]);
	// biome-ignore lint/correctness/useExhaustiveDependencies: the field is as high as its text.
	useEffect(() => {
		const box = field.current;
		if (box === null) return;
		box.style.height = "auto";
		box.style.height = `${Math.min(box.scrollHeight, MOST_ROWS_PX)}px`;
	}, [text]);
	const send = async (): Promise<void> => {
		const said = text.trim();
		if (said === "" || phase !== "idle" || !talks || model === "") return;
		if (await onSay(said)) setText("");
	};
	const keys = (event: KeyboardEvent): void => {
		// A finger has no other way to a new line.
		if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing || matchMedia("(pointer: coarse)").matches) return;
		event.preventDefault();
		void send();
	};
	return (
		<form
			aria-label="Say something"
			className="card lifted flex flex-col gap-2 p-2.5"
			onSubmit={(event) => {
				event.preventDefault();
				void send();
			}}
		>
			<textarea
				ref={field}
				aria-label="Message"
				placeholder={models.length === 0 ? "No model answers here yet" : "Ask something"}
				value={text}
				rows={1}
				onFocus={warmUp}
				onChange={(event) => setText(event.target.value)}
				onKeyDown={keys}
				className="max-h-60 min-h-11 w-full resize-none rounded-lg bg-surface px-2.5 py-2 placeholder:text-soft"
			/>
			<div className="flex flex-wrap items-center gap-x-2 gap-y-2">
				<select
					aria-label="Model"
					value={model}
					onChange={(event) => onModel(event.target.value)}
					className="min-h-9 max-w-[11rem] min-w-0 truncate rounded-lg border border-line bg-surface px-2 text-fine font-medium hover:border-edge sm:max-w-xs"
				>
					{model !== "" && !models.includes(model) && <option value={model}>{model}</option>}
					{models.map((name) => (
						<option key={name} value={name}>
							{name}
						</option>
					))}
				</select>
				<button
					type="button"
					aria-expanded={open}
					onClick={() => setOpen(!open)}
					className={cx("inline-flex min-h-9 items-center gap-1.5 rounded-lg px-2 text-fine font-medium hover:bg-sunken", open ? "text-ink" : "text-soft")}
				>
					<Icon name="sliders" size={15} />
					Settings
				</button>
				<div className="ml-auto flex items-center gap-3">
					<Price conversation={conversation} path={path} text={text} window={window} />
					{phase === "idle" ? (
						<Button kind="solid" type="submit" icon="send" disabled={text.trim() === "" || !talks || model === ""}>
							Send
						</Button>
					) : (
						<Button icon="stop" busy={phase === "stopping" && "Stopping"} onClick={onStop}>
							Stop
						</Button>
					)}
				</div>
			</div>
			{!talks && <p className="px-1 text-small text-warn">{model} does not chat. Choose another model.</p>}
			{open && (
				<div className="max-h-[42dvh] overflow-y-auto border-t border-line px-1 pt-3 pb-1">
					<SettingsPanel settings={settings} window={window} mostTokens={plainTokenLimit(window?.contextTokens ?? MUCH)} onChange={onSettings} />
				</div>
			)}
		</form>
	);
}

/** A window that is not known yet. */
const MUCH = 8_192;

/** What the next answer can cost at most: what is signed for, and never more. */
function Price({
	conversation,
	path,
	text,
	window,
}: Pick<ComposerProps, "conversation" | "path"> & {
	readonly text: string;
	readonly window: Parameters<typeof requestOf>[2] | undefined;
}): ReactElement | null {
	const quote = useQuery({ ...quoteQuery(conversation.model), enabled: conversation.model !== "" });
	const draft = useDeferredValue(text);
	const most = useMemo(() => {
		if (quote.data === undefined || window === undefined) return undefined;
		const turn: Turn = { role: "user", id: "draft", at: 0, text: draft };
		return mostForText(quote.data, requestOf(conversation, [...path, turn], window, 0, 0), window.contextTokens);
	}, [quote.data, window, conversation, path, draft]);
	if (most === undefined) return null;
	return (
		<span className="text-right text-fine text-soft" data-testid="price">
			at most <Amount value={most} />
		</span>
	);
}

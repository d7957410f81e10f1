/** How answers are drawn; most people never need it. */
import { limits } from "@freehold/protocol";
import { type ReactElement, useState } from "react";
import type { Settings } from "../../conversations/conversation.js";
import { TextArea, TextField, Tick } from "../../design/field.js";

interface SettingsProps {
	readonly settings: Settings;
	/** Tokens of request and answer together, and whether the model calls tools; undefined while that is not known. */
	readonly window: { readonly contextTokens: number; readonly tools: boolean } | undefined;
	/** Answer tokens that the settings come to. */
	readonly mostTokens: number;
	readonly onChange: (settings: Settings) => void;
}

export function SettingsPanel({ settings, window, mostTokens, onChange }: SettingsProps): ReactElement {
	const { seed, maxTokens, ...rest } = settings;
	const put = (part: { readonly seed?: number | undefined; readonly maxTokens?: number | undefined }): void => {
		const next = { seed, maxTokens, ...part };
		onChange({ ...rest, ...(next.seed === undefined ? {} : { seed: next.seed }), ...(next.maxTokens === undefined ? {} : { maxTokens: next.maxTokens }) });
	};
	const held = window?.contextTokens ?? limits.textOutputTokens;
	return (
		<div className="grid gap-4 sm:grid-cols-3">
			<NumberField
				label="Temperature"
				hint="0: the likeliest words; 2: wild"
				value={settings.temperature}
				least={0}
				most={2}
				onChange={(temperature = 0.3) => onChange({ ...settings, temperature })}
			/>
			<NumberField
				label="Most tokens"
				hint={`Of an answer; empty: ${mostTokens.toLocaleString("en")}`}
				value={maxTokens}
				least={1}
				most={held}
				whole
				onChange={(value) => put({ maxTokens: value })}
			/>
			<NumberField label="Seed" hint="Empty: drawn each time" value={seed} least={0} most={2 ** 32 - 1} whole onChange={(value) => put({ seed: value })} />
			<div className="sm:col-span-3">
				<TextArea
					label="Instructions"
					hint="What the model is told before the first message. Its tokens are paid for with each question."
					value={settings.instructions}
					maxLength={20_000}
					onChange={(event) => onChange({ ...settings, instructions: event.target.value })}
					className="min-h-20"
				/>
			</div>
			<div className="sm:col-span-3">
				{window?.tools === false ? (
					<p className="text-small text-soft">This model does not call tools.</p>
				) : (
					<Tick
						label="It may call tools: sums, the prices, owners and names of models here, and a search of the documentation"
						hint="They run in this tab. Each call is followed by one more answer, which is paid like the others."
						checked={settings.tools}
						onChange={(tools) => onChange({ ...settings, tools })}
					/>
				)}
			</div>
		</div>
	);
}

interface NumberFieldProps {
	readonly label: string;
	readonly hint: string;
	readonly value: number | undefined;
	readonly least: number;
	readonly most: number;
	readonly whole?: boolean;
	/** Undefined: nothing is written there. */
	readonly onChange: (value: number | undefined) => void;
}

function NumberField({ label, hint, value, least, most, whole = false, onChange }: NumberFieldProps): ReactElement {
	const [text, setText] = useState(value === undefined ? "" : String(value));
	const isGood = (typed: string): boolean => {
		const number = Number(typed);
		return typed.trim() === "" || (Number.isFinite(number) && number >= least && number <= most && (!whole || Number.isInteger(number)));
	};
	return (
		<TextField
			label={label}
			hint={hint}
			inputMode="decimal"
			autoComplete="off"
			value={text}
			fault={isGood(text) ? undefined : `${whole ? "A whole number" : "A number"} from ${least} to ${most.toLocaleString("en")}`}
			onChange={({ target: { value: typed } }) => {
				setText(typed);
				if (isGood(typed)) onChange(typed.trim() === "" ? undefined : Number(typed));
			}}
		/>
	);
}

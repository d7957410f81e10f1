/** What a new key may do. */
import { parseModelName, parseOpg } from "@freehold/protocol";
import { useQuery } from "@tanstack/react-query";
import { type FormEvent, type ReactElement, useState } from "react";
import { Button } from "../../design/button.js";
import { Choice, TextField } from "../../design/field.js";
import { More } from "../../design/parts.js";
import { talkersQuery } from "../../network/queries.js";

export interface KeyWish {
	/** Smallest unit. */
	readonly budget: bigint;
	readonly name: string;
	readonly daily?: bigint;
	readonly models?: readonly string[];
	/** Unix milliseconds. */
	readonly expiresAt?: number;
}

const DAY_MS = 86_400_000;
const NAME_CHARACTERS = 64;
const ENDS = [
	["", "When I end it"],
	["1", "In a day"],
	["7", "In a week"],
	["30", "In 30 days"],
	["365", "In a year"],
] as const;

export function KeyForm({ busy, onMake }: { readonly busy: boolean; readonly onMake: (wish: KeyWish) => void }): ReactElement {
	const [name, setName] = useState("");
	const [budget, setBudget] = useState("5");
	const [daily, setDaily] = useState("");
	const [models, setModels] = useState("");
	const [days, setDays] = useState("");
	const talkers = useQuery(talkersQuery).data ?? [];
	const most = parseOpg(budget.trim());
	const perDay = daily.trim() === "" ? undefined : parseOpg(daily.trim());
	const named = models.split(/[\s,]+/).filter((model) => model !== "");
	const faults = {
		budget: most === undefined || most === 0n ? "An amount above nothing, such as 5" : undefined,
		daily: daily.trim() !== "" && perDay === undefined ? "An amount, such as 1" : undefined,
		models: named.some((model) => parseModelName(model) === undefined) ? "Names such as freehold/chat, with spaces between" : undefined,
	};
	const bad = Object.values(faults).some((fault) => fault !== undefined);
	return (
		<form
			className="flex max-w-xl flex-col gap-4"
			onSubmit={(event: FormEvent) => {
				event.preventDefault();
				if (most === undefined || bad) return;
				onMake({
					budget: most,
					name: name.trim(),
					...(perDay === undefined ? {} : { daily: perDay }),
					...(named.length === 0 ? {} : { models: named }),
					...(days === "" ? {} : { expiresAt: Date.now() + Number(days) * DAY_MS }),
				});
			}}
		>
			<div className="grid gap-4 sm:grid-cols-2">
				<TextField
					label="Name"
					placeholder="laptop"
					maxLength={NAME_CHARACTERS}
					hint="So that you know it again"
					value={name}
					onChange={(event) => setName(event.target.value)}
				/>
				<TextField
					label="It may spend"
					unit="OPG"
					inputMode="decimal"
					hint="In all; put into a channel of its own"
					value={budget}
					fault={faults.budget}
					onChange={(event) => setBudget(event.target.value)}
				/>
			</div>
			<More summary="Limits" open={daily !== "" || models !== "" || days !== ""}>
				<div className="grid gap-4 sm:grid-cols-2">
					<TextField
						label="Most on one day"
						unit="OPG"
						inputMode="decimal"
						hint="Empty: no limit"
						value={daily}
						fault={faults.daily}
						onChange={(event) => setDaily(event.target.value)}
					/>
					<Choice label="It ends" value={days} onChange={(event) => setDays(event.target.value)}>
						{ENDS.map(([value, words]) => (
							<option key={value} value={value}>
								{words}
							</option>
						))}
					</Choice>
					<div className="sm:col-span-2">
						<TextField
							label="Models"
							placeholder={talkers[0] ?? "freehold/chat"}
							spellCheck={false}
							autoCapitalize="off"
							hint="Empty: every model"
							value={models}
							fault={faults.models}
							onChange={(event) => setModels(event.target.value)}
						/>
					</div>
				</div>
			</More>
			<div>
				<Button kind="solid" type="submit" icon="keys" disabled={bad} busy={busy && "Making it"}>
					Make a key
				</Button>
			</div>
		</form>
	);
}

/** Numbers, hashes, times, and the steps of a check. */
import type { ReactElement } from "react";
import { buttonClass } from "../button.js";
import { Steps } from "../checks.js";
import { CopyButton } from "../copy-button.js";
import { Markdown } from "../markdown.js";
import { Facts, RoomHead, Section, Stat, Tag } from "../parts.js";
import { Table } from "../table.js";
import { Amount, Count, Hash, Sentence, Time } from "../values.js";

const STRANGE =
	"### A heading\n\nWords with *weight*, `code`, a [link](https://example.org) and <b>no HTML</b>.\n\n```ts\nconst answer = 42;\n```\n\n1. one\n2. two\n\n| a | b |\n|---|---|\n| 1 | 2 |\n";
const UNIT = 10n ** 18n;
const ADDRESS = "0x4f50470000000000000000000000000000000002";

export function ValuesShown(): ReactElement {
	return (
		<>
			<Section title="Values">
				<Facts
					className="card max-w-lg px-4 py-1"
					rows={[
						["Amount", <Amount key="1" value={1_080_000_000_000_000_000n} />],
						["Tiny amount", <Amount key="2" value={12n} />],
						["Large amount", <Amount key="3" value={1_234_567n * UNIT} />],
						["Count", <Count key="4" value={12_345} unit={["call", "calls"]} />],
						["Hash", <Hash key="5" value={ADDRESS} label="address" />],
						["Time", <Time key="6" value={Date.now() - 95_000} />],
						["Time to come", <Time key="7" value={Date.now() + 3_600_000} />],
						["Sentence", <Sentence key="8" text={`paid to ${ADDRESS} in block 12`} />],
						[
							"Tags",
							<span key="9" className="flex gap-1.5">
								<Tag>plain</Tag>
								<Tag tone="good">good</Tag>
								<Tag tone="warn">warn</Tag>
								<Tag tone="bad">bad</Tag>
							</span>,
						],
					]}
				/>
				<div className="mt-5 flex gap-10">
					<Stat label="Earned in all" note="since yesterday">
						<Amount value={42n * UNIT} />
					</Stat>
					<Stat label="Asked">
						<Count value={1} unit={["time", "times"]} />
					</Stat>
				</div>
			</Section>
			<Section title="A table">
				<Table
					label="Figures by model"
					className="max-w-xl"
					columns={["Model", "Asked", "Earned"]}
					rows={[
						{ key: "a", cells: ["plus/digits", <Count key="c" value={12_345} unit={["call", "calls"]} />, <Amount key="a" value={42n * UNIT} />] },
						{ key: "b", cells: ["base/digits", <Count key="c" value={1} unit={["call", "calls"]} />, <Amount key="a" value={12n} />] },
					]}
				/>
			</Section>
			<Section title="A heading of a room">
				<div className="card px-5 pt-5">
					<RoomHead
						title="Models"
						action={
							<a href="#room" className={buttonClass("outline")}>
								What one does here
							</a>
						}
					>
						One sentence about the room.
					</RoomHead>
				</div>
			</Section>
			<Section title="A check">
				<div className="card max-w-xl px-4 py-1.5">
					<Steps
						stagger
						steps={[
							{ id: "1", result: "holds", title: "The machine that ran it signed for it", detail: `by key ${ADDRESS}` },
							{ id: "2", result: "unproven", title: "The chain recorded the batch that it is in", detail: "the file has no anchor" },
							{ id: "3", result: "fails", title: "The answer in the file is the one that was given", detail: "another answer was signed" },
							{ id: "4", result: "waiting", title: "That block was signed by those who order blocks" },
						]}
					/>
				</div>
			</Section>
			<Section title="Texts by strangers">
				<Markdown text={STRANGE} />
				<p className="mt-4 flex items-center gap-2 text-small">
					A text <CopyButton text="A text" label="a text" />
				</p>
			</Section>
		</>
	);
}

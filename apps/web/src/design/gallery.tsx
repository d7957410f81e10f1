/** Every component in every state, on one page: where the design is looked at and tested. */
import { type ReactElement, useState } from "react";
import { Button } from "./button.js";
import { Steps } from "./checks.js";
import { DigitPad } from "./digit-pad.js";
import { Choice, TextArea, TextField, Tick } from "./field.js";
import { Icon, type IconName, Mark } from "./icon.js";
import { Facts, More, RoomHead, Section, Stat, Tag } from "./parts.js";
import { Plot } from "./plot.js";
import { Sheet } from "./sheet.js";
import { Empty, Note, Progress, Skeleton, TroubleNote } from "./states.js";
import { Amount, Count, Hash, Time } from "./values.js";

const UNIT = 10n ** 18n;
const ADDRESS = "0x4f50470000000000000000000000000000000002";
const COLOURS = ["paper", "surface", "sunken", "line", "edge", "soft", "ink", "field", "field-wash", "bad", "bad-wash", "warn", "warn-wash"];
const SIZES = ["text-hero", "text-head", "text-title", "text-lead", "text-base", "text-small", "text-fine"] as const;
const ICONS: readonly IconName[] = [
	"home",
	"models",
	"publish",
	"verify",
	"earnings",
	"account",
	"copy",
	"check",
	"cross",
	"dash",
	"sun",
	"moon",
	"search",
	"download",
	"file",
	"key",
	"pen",
	"offline",
	"plus",
	"info",
];

export function Gallery(): ReactElement {
	const [open, setOpen] = useState(false);
	const [ticked, setTicked] = useState(true);
	const [pixels, setPixels] = useState<readonly number[]>(() => Array.from({ length: 64 }, (_, index) => (index % 9 === 0 ? 16 : index % 7 === 0 ? 6 : 0)));
	return (
		<>
			<RoomHead title="Design">
				Tokens and components as the rooms use them, in every state. A land register: chalk paper, ink, and parcels with a wash inside and an edge around.
			</RoomHead>
			<Section title="Colour">
				<ul className="grid grid-cols-3 gap-3 sm:grid-cols-5 lg:grid-cols-7">
					{COLOURS.map((name) => (
						<li key={name} className="text-fine">
							<div className="mb-1 h-12 rounded-lg border border-line" style={{ background: `var(--${name})` }} />
							{name}
						</li>
					))}
				</ul>
				<ul className="mt-4 flex flex-wrap gap-3" aria-label="Parcels">
					{["0", "1", "2", "3", "4", "5", "6", "stone"].map((name) => (
						<li key={name} data-parcel={name} className="parcel flex size-16 items-end rounded-plot p-1.5 text-fine">
							{name}
						</li>
					))}
					<li data-parcel="1" className="parcel relative size-16 overflow-hidden rounded-plot">
						<span className="on-the-way absolute inset-0" />
						<span className="relative p-1.5 text-fine">on its way</span>
					</li>
				</ul>
			</Section>
			<Section title="Type">
				<div className="flex flex-col gap-2">
					{SIZES.map((size) => (
						<p
							key={size}
							className={`${size} ${size === "text-hero" || size === "text-head" || size === "text-title" ? "font-display font-bold" : ""} truncate`}
						>
							Models are property <span className="text-fine text-soft">{size}</span>
						</p>
					))}
					<p className="font-mono text-small">0x4f50470000 0123456789 Spline Sans Mono</p>
				</div>
			</Section>
			<Section title="Buttons">
				<div className="flex flex-wrap gap-3">
					{(["solid", "outline", "quiet", "danger"] as const).map((kind) => (
						<div key={kind} className="flex flex-wrap gap-2">
							<Button kind={kind}>{kind}</Button>
							<Button kind={kind} disabled>
								disabled
							</Button>
							<Button kind={kind} busy="Working">
								busy
							</Button>
							<Button kind={kind} small icon="plus">
								small
							</Button>
						</div>
					))}
				</div>
			</Section>
			<Section title="Fields">
				<div className="grid gap-4 sm:grid-cols-2">
					<TextField label="Plain" placeholder="you/thing" hint="A hint in one sentence" />
					<TextField label="With a unit" unit="OPG" defaultValue="1.00" />
					<TextField label="With a fault" defaultValue="Ada Digits" fault="Lower-case letters, digits and hyphens" />
					<TextField label="Not now" disabled defaultValue="waiting" />
					<Choice label="Choice" defaultValue="a">
						<option value="a">Newest</option>
						<option value="b">Most asked</option>
					</Choice>
					<TextArea label="Long text" hint="Markdown" />
					<Tick label="A thing to agree to" hint="And what it means" checked={ticked} onChange={setTicked} />
				</div>
			</Section>
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
						[
							"Tags",
							<span key="7" className="flex gap-1.5">
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
			<Section title="A payment, divided">
				<Plot
					total={1_080n}
					parts={[
						{ id: "a", label: "plus/digits@1.0", short: "plus/digits", why: "its owner", amount: 850n, hue: 0 },
						{ id: "b", label: "base/digits@1.0", short: "base", why: "an ancestor", amount: 100n, hue: 1 },
						{ id: "c", label: "data/strokes@2.1", short: "data", why: "an ancestor", amount: 50n, hue: 2 },
						{ id: "d", label: "The machine that ran it", short: "machine", why: "node", amount: 50n, hue: 5 },
						{ id: "e", label: "The gateway", short: "gateway", why: "gateway", amount: 30n, hue: "stone" },
					]}
				/>
			</Section>
			<Section title="A check">
				<div className="card max-w-xl px-4 py-1.5">
					<Steps
						steps={[
							{ id: "1", result: "holds", title: "The machine that ran it signed for it", detail: `by key ${ADDRESS}` },
							{ id: "2", result: "unproven", title: "The chain recorded the batch that it is in", detail: "the file has no anchor" },
							{ id: "3", result: "fails", title: "The answer in the file is the one that was given", detail: "another answer was signed" },
							{ id: "4", result: "waiting", title: "That block was signed by those who order blocks" },
						]}
					/>
				</div>
			</Section>
			<Section title="States">
				<div className="grid gap-4 lg:grid-cols-2">
					<Empty
						title="Nothing here yet"
						action={
							<Button kind="solid" small>
								Begin
							</Button>
						}
					>
						What would be here, and how to bring it about.
					</Empty>
					<div className="flex flex-col gap-4">
						<TroubleNote
							trouble={{ title: "Asking did not work", detail: "The gateway did not answer within 15 s.", code: "upstream.timeout", retryable: true }}
							retry={() => undefined}
						/>
						<Note>A plain note.</Note>
						<Note tone="good" icon="check">
							Something went well.
						</Note>
						<Note tone="warn">Something to think about first.</Note>
						<Progress label="2.4 MB of 5.9 MB" done={24} total={59} />
						<Skeleton lines={3} />
					</div>
				</div>
			</Section>
			<Section title="Drawing pad and dialog">
				<div className="flex flex-wrap items-start gap-8">
					<div className="w-56">
						<DigitPad side={8} most={16} pixels={pixels} onChange={setPixels} label="A drawing" />
					</div>
					<Button onClick={() => setOpen(true)}>Open a dialog</Button>
					<More summary="One click below">Exact terms stand here.</More>
				</div>
				<Sheet open={open} title="Put 10.80 OPG into a payment channel" onClose={() => setOpen(false)}>
					<p className="text-small">What happens on yes, in plain words.</p>
				</Sheet>
			</Section>
			<Section title="Icons">
				<ul className="flex flex-wrap gap-4">
					<li>
						<Mark />
					</li>
					{ICONS.map((name) => (
						<li key={name} className="flex flex-col items-center gap-1 text-fine text-soft">
							<Icon name={name} size={22} />
							{name}
						</li>
					))}
				</ul>
			</Section>
		</>
	);
}

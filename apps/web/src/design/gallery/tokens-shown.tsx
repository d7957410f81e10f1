/** Colour, type, space, corners, motion, icons: what everything is made of. */
import { type ReactElement, useState } from "react";
import { Button } from "../button.js";
import { Icon, iconNames, Mark } from "../icon.js";
import { Section } from "../parts.js";

const COLOURS = ["paper", "surface", "sunken", "line", "edge", "soft", "ink", "field", "field-wash", "bad", "bad-wash", "warn", "warn-wash"];
const SIZES = ["text-hero", "text-head", "text-title", "text-lead", "text-base", "text-small", "text-fine"] as const;
const SPACES = [1, 2, 3, 4, 5, 6, 8, 10, 12] as const;
const CORNERS = ["rounded-plot", "rounded-lg", "rounded-card", "rounded-2xl"] as const;
const MOTIONS = ["rise", "settle", "stamp", "breathe"] as const;

export function TokensShown(): ReactElement {
	const [turn, setTurn] = useState(0);
	return (
		<>
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
					<li data-parcel="1" className="parcel relative h-16 w-24 overflow-hidden rounded-plot">
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
			<Section title="Space and corners" aside="A grid of 4 pixels">
				<ul className="flex flex-wrap items-end gap-4 text-fine">
					{SPACES.map((space) => (
						<li key={space}>
							<div className="mb-1 bg-field" style={{ width: space * 4, height: space * 4 }} />
							{space * 4}
						</li>
					))}
					{CORNERS.map((corner) => (
						<li key={corner}>
							<div className={`mb-1 size-12 border border-edge bg-surface ${corner}`} />
							{corner.replace("rounded-", "")}
						</li>
					))}
				</ul>
			</Section>
			<Section title="Motion" aside="Still for whoever asks for less of it">
				<div className="flex flex-wrap items-center gap-4 text-fine">
					{MOTIONS.map((motion) => (
						<div key={`${motion}${turn}`} className={`parcel flex size-16 items-end rounded-plot p-1.5 ${motion}`} data-parcel="0">
							{motion}
						</div>
					))}
					<Button small onClick={() => setTurn(turn + 1)}>
						Again
					</Button>
				</div>
			</Section>
			<Section title="Icons">
				<ul className="flex flex-wrap gap-4">
					<li>
						<Mark />
					</li>
					{iconNames.map((name) => (
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

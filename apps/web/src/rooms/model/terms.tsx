/** Under which licence and at which prices a release can be asked. */
import type { ReleaseSummary } from "@freehold/protocol";
import type { ReactElement } from "react";
import { Facts, Section } from "../../design/parts.js";
import { Hash, Time } from "../../design/values.js";
import { exactTime } from "../../format/time.js";
import { PriceWords } from "./price-words.js";

export function Terms({ release }: { readonly release: ReleaseSummary }): ReactElement {
	const now = Date.now();
	return (
		<Section title="Terms">
			<Facts
				className="card px-4 py-1"
				rows={[
					["Licence", release.licence],
					["Release id", <Hash key="r" value={release.release} label="release id" />],
					["Manifest", <Hash key="m" value={release.manifest} label="manifest digest" />],
				]}
			/>
			<h3 className="mt-4 mb-1 text-small font-semibold">Price versions</h3>
			<ul className="card divide-y divide-line px-4 text-small">
				{release.prices.toReversed().map(({ version, perCall, perInputUnit, perOutputUnit, from, until }) => (
					<li key={version} className="flex flex-wrap justify-between gap-x-4 py-2">
						<span>
							<PriceWords price={{ perCall, perInputUnit, perOutputUnit }} />
						</span>
						<span className="text-soft" data-exact={`version ${version}, from ${exactTime(from)}${until === undefined ? "" : ` until ${exactTime(until)}`}`}>
							{from > now ? "" : until !== undefined && until <= now ? "until " : "since "}
							<Time value={until !== undefined && until <= now ? until : from} />
						</span>
					</li>
				))}
			</ul>
		</Section>
	);
}

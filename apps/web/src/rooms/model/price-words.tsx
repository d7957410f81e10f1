/** A price with each of its parts: for a call, and for each number that goes in or comes out where that is asked. */
import type { ReactElement } from "react";
import { Amount } from "../../design/values.js";

interface PriceWordsProps {
	/** Leaves out what a call costs whatever its size. */
	readonly onlySize?: boolean;
	/** What is counted; default numbers. */
	readonly unit?: "number" | "token";
	readonly price: { readonly perCall: string; readonly perInputUnit: string; readonly perOutputUnit: string };
}

export function PriceWords({ price: { perCall, perInputUnit, perOutputUnit }, onlySize = false, unit = "number" }: PriceWordsProps): ReactElement {
	return (
		<>
			{!onlySize && (
				<>
					<Amount value={perCall} className="font-semibold" /> a call
				</>
			)}
			{perInputUnit !== "0" && (
				<>
					{" + "}
					<Amount value={perInputUnit} /> a {unit} in
				</>
			)}
			{perOutputUnit !== "0" && (
				<>
					{" + "}
					<Amount value={perOutputUnit} /> a {unit} out
				</>
			)}
		</>
	);
}

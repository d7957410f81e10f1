/** What a receipt is about, and where in its text a failing step reads. */
import type { Check } from "@freehold/proofs";
import { parseReceiptFile, type ReceiptFile, tensorElements } from "@freehold/protocol";
import { checkWords } from "../../receipt/check-words.js";
import { locate } from "./locate.js";

export interface Summary {
	readonly callId: string;
	readonly release: string;
	readonly node: string;
	readonly gateway: string;
	readonly charge: bigint;
	/** Unix milliseconds. */
	readonly finishedAt: number;
	readonly outputs: string | undefined;
}

const MOST_VALUES = 12;

/** Undefined when the text is no receipt file. */
export function summaryOf(text: string): Summary | undefined {
	let file: ReceiptFile;
	try {
		file = parseReceiptFile(text);
	} catch {
		return undefined;
	}
	const { order, receipt, response } = file;
	return {
		callId: order.callId,
		release: order.release,
		node: order.node,
		gateway: order.gateway,
		charge: receipt.charge,
		finishedAt: Number(receipt.finishedAt),
		outputs: response && outputsText(response.outputs),
	};
}

function outputsText(outputs: NonNullable<ReceiptFile["response"]>["outputs"]): string | undefined {
	try {
		return Object.entries(outputs)
			.map(([name, { dtype, shape, data }]) => {
				const values = tensorElements({ dtype: dtype as never, shape, bytes: data });
				return `${name}: ${values.slice(0, MOST_VALUES).map(short).join(", ")}${values.length > MOST_VALUES ? ", …" : ""}`;
			})
			.join("; ");
	} catch {
		return undefined;
	}
}

function short(value: unknown): string {
	return typeof value === "number" && !Number.isInteger(value) ? value.toPrecision(4) : String(value);
}

export interface Fault {
	readonly step: Check["name"];
	readonly title: string;
	readonly reason: string;
	/** Parts of the file that the step reads, with their bytes. */
	readonly parts: readonly {
		readonly path: string;
		readonly from: number | undefined;
		readonly to: number | undefined;
		readonly excerpt: string | undefined;
	}[];
}

/** One for each failing step, in the order of the checks. */
export function faultsOf(checks: readonly Check[], text: string): readonly Fault[] {
	return checks
		.filter(({ result }) => result === "fails")
		.map(({ name, detail }) => {
			const { title, reads } = checkWords[name];
			// A file that does not parse names the path itself.
			const named = name === "file" ? /^([a-zA-Z][\w.[\]]*)\s/.exec(detail)?.[1] : undefined;
			const paths = named === undefined ? reads : [named];
			return {
				step: name,
				title,
				reason: detail,
				parts: paths.map((path) => {
					const place = locate(text, path);
					return { path, from: place?.from, to: place?.to, excerpt: place && excerpt(text, place.textFrom, place.textTo) };
				}),
			};
		});
}

const EXCERPT = 72;

function excerpt(text: string, from: number, to: number): string {
	const part = text.slice(from, Math.min(to, from + EXCERPT)).replace(/\s+/g, " ");
	return to - from > EXCERPT ? `${part}…` : part;
}

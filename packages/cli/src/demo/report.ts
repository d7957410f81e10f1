/** What `demo --json` prints (specification of the surface, §5), and its lines for people. */
import type { SplitPart } from "@freehold/payments";
import { type Decimal, formatOpg, type Hex } from "@freehold/protocol";

export interface Check {
	readonly name: string;
	readonly ok: boolean;
	readonly detail: string;
}

export interface BatchName {
	readonly gateway: Hex;
	readonly seq: Decimal;
}

export interface DemoReport {
	readonly network: { readonly chainId: number; readonly validators: number };
	readonly owners: readonly { readonly name: string; readonly address: Hex; readonly model: string }[];
	readonly releases: readonly {
		readonly id: Hex;
		readonly name: string;
		readonly owner: Hex;
		readonly parents: readonly { readonly release: Hex; readonly bps: number }[];
	}[];
	readonly calls: readonly {
		readonly callId: Hex;
		readonly release: Hex;
		readonly charge: Decimal;
		readonly evidence: readonly string[];
		readonly receiptFile: string;
		readonly batch: BatchName;
		readonly tx: Hex;
	}[];
	readonly splits: readonly {
		readonly batch: BatchName;
		readonly release: Hex;
		readonly to: Hex;
		readonly role: SplitPart["role"];
		readonly amount: Decimal;
	}[];
	readonly checks: readonly Check[];
}

const NAMES: Readonly<Record<SplitPart["role"], string>> = {
	owner: "second owner",
	ancestor: "first owner",
	node: "node",
	gateway: "gateway",
	protocol: "protocol",
	remainder: "waiting for more",
};
const ORDER = ["owner", "ancestor", "node", "gateway", "protocol", "remainder"] as const;

/** `1.08 = second owner 0.90 + first owner 0.10 + …` */
export function splitLine(charge: bigint, parts: readonly SplitPart[]): string {
	const sorted = [...parts].sort((a, b) => ORDER.indexOf(a.role) - ORDER.indexOf(b.role));
	return `${formatOpg(charge)} = ${sorted.map(({ role, amount }) => `${NAMES[role]} ${formatOpg(amount)}`).join(" + ")}`;
}

export function sumOf(parts: readonly { readonly amount: bigint }[]): bigint {
	return parts.reduce((sum, { amount }) => sum + amount, 0n);
}

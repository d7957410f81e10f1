/** The folder of an export (docs/formats/export.md): where each thing stands in it. Everything is JSON, CSV, or the files themselves. */
import { join, resolve } from "node:path";
import { type Checkpoint, FreeholdError, type Hex, isHex } from "@freehold/protocol";

export interface ExportIndex {
	readonly version: 1;
	readonly kind: "freehold-account" | "freehold-network";
	readonly chainId: number;
	readonly network: string;
	/** Unix milliseconds. */
	readonly exportedAt: number;
	/** What the receipts and certificates in it are proved against. */
	readonly checkpoint: Checkpoint;
	/** Of an account's export. */
	readonly account?: Hex;
	/** Releases in the order in which they were published: parents before children. */
	readonly releases: readonly { readonly model: string; readonly release: Hex; readonly manifest: Hex }[];
	/** Receipts, by call id. */
	readonly receipts: readonly Hex[];
}

export class ExportFolder {
	readonly root: string;

	constructor(root: string) {
		this.root = resolve(root);
	}

	get index(): string {
		return join(this.root, "export.json");
	}
	/** A checkpoint file, as `receipt verify --checkpoint` takes it. */
	get checkpoint(): string {
		return join(this.root, "checkpoint.json");
	}
	/** A keystore file (Web3 Secret Storage), encrypted with the account's passphrase. */
	get keystore(): string {
		return join(this.root, "account.json");
	}
	earnings(format: "json" | "csv"): string {
		return join(this.root, `earnings.${format}`);
	}
	receipt(callId: Hex): string {
		return join(this.root, "receipts", `${callId}.receipt.json`);
	}
	licence(release: Hex): string {
		return join(this.root, "licences", `${release}.json`);
	}
	/** `model` is `namespace/name@major.minor`. */
	release(model: string, ...path: readonly string[]): string {
		return join(this.root, "models", ...model.replace("@", "/").split("/"), ...path);
	}
	get chain(): string {
		return join(this.root, "chain");
	}
	blob(sha256: Hex): string {
		return join(this.root, "blobs", sha256.slice(2));
	}
}

/** Index of an export's text. Throws `request.invalid`. */
export function parseIndex(text: string, kind: ExportIndex["kind"]): ExportIndex {
	const refuse = (reason: string): FreeholdError => new FreeholdError("request.invalid", { field: "export.json", reason });
	let value: Partial<ExportIndex>;
	try {
		value = JSON.parse(text) as Partial<ExportIndex>;
	} catch {
		throw refuse("is not JSON");
	}
	if (value.version !== 1 || value.kind !== kind) throw refuse(`is not the index of a ${kind === "freehold-account" ? "account's" : "network's"} export`);
	const named = (item: { readonly model?: unknown; readonly release?: unknown }): boolean =>
		typeof item?.model === "string" && /^[a-z0-9][a-z0-9-]{0,62}\/[a-z0-9][a-z0-9-]{0,62}@\d+\.\d+$/.test(item.model) && isHex(item.release, 32);
	if (!Array.isArray(value.releases) || !value.releases.every(named)) throw refuse("lists no releases");
	return value as ExportIndex;
}

/** Taking an account's things along: releases with their files and proofs, receipts, licences, income, and the key as it is kept. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import {
	FreeholdError,
	formatCertificateFile,
	formatOpg,
	formatReceiptFile,
	type Hex,
	type ModelBody,
	type ModelListBody,
	parseReceiptFile,
	type ReceiptFile,
} from "@freehold/protocol";
import { breakDown, type Freehold, readRelease } from "@freehold/sdk";
import { atomicWriteFile } from "@freehold/service";
import { loggedCalls } from "../client/call-log.js";
import { writeJson } from "../supervisor/data-folder.js";
import { downloadBlob } from "./blobs.js";
import type { ExportFolder, ExportIndex } from "./export-folder.js";
import { writeText } from "./write.js";

export interface AccountExportOptions {
	readonly freehold: Freehold;
	readonly account: Hex;
	readonly folder: ExportFolder;
	/** `FREEHOLD_HOME`. */
	readonly home: string;
	/** Keystore file of the account; undefined for a development account, whose key is public. */
	readonly keystore: string | undefined;
	/** Receipt files kept elsewhere that belong in it too. */
	readonly receipts: readonly string[];
	readonly signal: AbortSignal;
	readonly note: (text: string) => void;
	readonly now: () => number;
}

const RECEIPT_WAIT_MS = 15_000;
const PAGE = 100;

export async function exportAccount(options: AccountExportOptions): Promise<ExportIndex> {
	const { freehold, account, folder, keystore, now } = options;
	const { network } = freehold.client;
	const releases = await exportReleases(options);
	const receipts = await exportReceipts(options);
	await exportLicences(options);
	await exportEarnings(options);
	if (keystore !== undefined) await writeText(folder.keystore, keystore, 0o600);
	const { version, chainId, contracts, checkpoint } = network;
	await writeJson(folder.checkpoint, { version, chainId, contracts, checkpoint });
	const index: ExportIndex = {
		version: 1,
		kind: "freehold-account",
		chainId,
		network: network.name,
		exportedAt: now(),
		checkpoint,
		account,
		releases,
		receipts,
	};
	// Written last: a folder with an index is whole.
	await writeJson(folder.index, index);
	return index;
}

async function exportReleases({ freehold, account, folder, signal, note }: AccountExportOptions): Promise<ExportIndex["releases"]> {
	const { network } = freehold.client;
	const found: { readonly model: string; readonly release: Hex; readonly manifest: Hex; readonly publishedAt: number }[] = [];
	for (const { model } of await modelsOf(freehold, account, signal)) {
		const { releases = [] } = await freehold.models.show(model, { signal });
		for (const { release } of releases) {
			const { record, manifest, manifestText } = await readRelease(freehold.client, release, signal);
			note(`${record.model} …`);
			for (const { path, sha256 } of manifest.files)
				await downloadBlob(network.storageUrl, sha256, folder.release(record.model, "files", ...path.split("/")), signal);
			await writeText(folder.release(record.model, "manifest.json"), manifestText);
			await writeJson(folder.release(record.model, "registry.json"), record);
			await writeText(folder.release(record.model, "certificate.json"), formatCertificateFile(await freehold.models.certificate(release, { signal })));
			found.push({ model: record.model, release, manifest: record.manifest, publishedAt: record.publishedAt });
		}
	}
	return found
		.sort((a, b) => a.publishedAt - b.publishedAt || (a.model < b.model ? -1 : 1))
		.map(({ model, release, manifest }) => ({ model, release, manifest }));
}

/** Every model that the account owns now. */
export async function modelsOf(freehold: Freehold, owner: Hex | undefined, signal: AbortSignal): Promise<readonly ModelBody[]> {
	const models: ModelBody[] = [];
	let cursor: string | undefined;
	do {
		const query = { limit: PAGE, sort: "name", signal, ...(owner === undefined ? {} : { owner }), ...(cursor === undefined ? {} : { cursor }) } as const;
		const body: ModelListBody = await freehold.models.list(query);
		models.push(...body.models);
		cursor = body.cursor;
	} while (cursor !== undefined);
	return models;
}

async function exportReceipts({ freehold, account, folder, home, receipts, signal, note }: AccountExportOptions): Promise<readonly Hex[]> {
	const written: Hex[] = [];
	const keep = async (file: ReceiptFile): Promise<void> => {
		await writeText(folder.receipt(file.order.callId), formatReceiptFile(file));
		written.push(file.order.callId);
	};
	for (const path of receipts) await keep(parseReceipt(await readFile(path, "utf8"), path));
	for (const { callId, model } of await loggedCalls(home, freehold.client.network.chainId, account)) {
		if (written.includes(callId)) continue;
		try {
			const { file, state } = await freehold.receipts.wait(callId, { timeoutMs: RECEIPT_WAIT_MS, signal });
			if (state !== "final") note(`The receipt of call ${callId} of ${model} is not anchored yet; export again later for its proof.`);
			await keep(file);
		} catch (error) {
			if (!(error instanceof FreeholdError) || signal.aborted) throw error;
			note(`The gateway does not hand out the receipt of call ${callId} of ${model}: ${error.message}`);
		}
	}
	return written.sort();
}

function parseReceipt(text: string, path: string): ReceiptFile {
	try {
		return parseReceiptFile(text);
	} catch (error) {
		throw new FreeholdError("request.invalid", { field: path, reason: `is not a receipt file: ${error instanceof Error ? error.message : "unreadable"}` });
	}
}

async function exportLicences({ freehold, account, folder, home }: AccountExportOptions): Promise<void> {
	const from = join(home, "licences", String(freehold.client.network.chainId), account);
	for (const name of await readdir(from).catch(() => [])) {
		if (/^0x[0-9a-f]{64}\.json$/.test(name)) await writeText(folder.licence(name.slice(0, -5) as Hex), await readFile(join(from, name), "utf8"));
	}
}

async function exportEarnings({ freehold, account, folder, signal }: AccountExportOptions): Promise<void> {
	const earnings = await freehold.earnings.show({ address: account, signal });
	await writeJson(folder.earnings("json"), earnings);
	const rows = breakDown(earnings, ["day", "release", "source"]);
	const lines = rows.map(({ day = "", release = "", source = "", amount }) => [day, release, source, amount, formatOpg(BigInt(amount))].join(","));
	await atomicWriteFile(folder.earnings("csv"), `${["day,release,source,amount,opg", ...lines].join("\n")}\n`);
}

/** `freehold export` and `freehold import`: an account's things, or (`--whole`) a whole network, as open formats. */
import { readFile } from "node:fs/promises";
import { FreeholdError } from "@freehold/protocol";
import { accountName, addressOf } from "../accounts/accounts.js";
import { findNetwork } from "../accounts/network.js";
import { connectMember, connectVisitor, homeOf } from "../client/connect.js";
import type { CommandContext } from "../context.js";
import { exportAccount } from "../leave/account-export.js";
import { importAccount } from "../leave/account-import.js";
import { uploadBlob } from "../leave/blobs.js";
import { ExportFolder, parseIndex } from "../leave/export-folder.js";
import { exportNetwork } from "../leave/network-export.js";
import { filesOfNetwork } from "../leave/network-import.js";
import type { Action } from "../main.js";

export const exportAll: Action = async (context, [dir = ""], options) => {
	const folder = new ExportFolder(dir);
	const { freehold } = await connectVisitor(context);
	const common = { freehold, folder, signal: context.signal, note: (text: string) => context.output.note(`  ${text}`), now: () => Date.now() };
	if (options["whole"] === true) {
		const { height, blobs, releases } = await exportNetwork(common);
		context.output.result({ folder: folder.root, height, releases: releases.length, blobs }, () =>
			[
				`The network up to consensus block ${height}, with ${releases.length} releases, is in ${folder.root}`,
				`  a ledger from it   freehold node run ledger --replay ${folder.chain} --checkpoint ${folder.checkpoint} --data DIR`,
				`  its blobs          freehold import ${folder.root} --whole --storage-url URL`,
			].join("\n"),
		);
		return 0;
	}
	const name = accountName(context);
	const account = await addressOf(context, name);
	const keystore = (await context.keystore.has(name)) ? await context.keystore.export(name) : undefined;
	const receipts = Array.isArray(options["receipt"]) ? (options["receipt"] as readonly string[]) : [];
	const index = await exportAccount({ ...common, account, home: homeOf(context.env), keystore, receipts });
	context.output.result({ folder: folder.root, account, releases: index.releases, receipts: index.receipts, keystore: keystore !== undefined }, () =>
		[
			`${index.releases.length} releases, ${index.receipts.length} receipts and the income of ${account} are in ${folder.root}`,
			keystore === undefined ? "  the key of a development account is public and is not in it" : "  account.json is the key, encrypted with your passphrase",
			`  on another network: freehold import ${folder.root} --account ${name}`,
		].join("\n"),
	);
	return 0;
};

export const importAll: Action = async (context, [dir = ""], options) => {
	const folder = new ExportFolder(dir);
	if (options["whole"] === true) return importNetwork(context, folder, options["storageUrl"]);
	await keepAccount(context, folder);
	const { freehold, address } = await connectMember(context);
	const imported = await importAccount({ freehold, folder, signal: context.signal, note: (text) => context.output.note(`  ${text}`) });
	context.output.result({ account: address, releases: imported }, () =>
		imported.length === 0
			? "The export holds no release."
			: imported.map(({ model, manifest, retired }) => `${context.output.good("✓")} ${model}${retired ? " (retired)" : ""}  ${manifest}`).join("\n"),
	);
	return 0;
};

/** The key comes along under its name, when this machine does not have it. */
async function keepAccount(context: CommandContext, folder: ExportFolder): Promise<void> {
	const name = context.account;
	if (name === undefined || (await context.keystore.has(name))) return;
	const text = await readFile(folder.keystore, "utf8").catch(() => undefined);
	if (text === undefined) return;
	await context.keystore.take(name, text);
	context.output.note(`The key is kept as ${name}; it opens with the passphrase that it had.`);
}

async function importNetwork(context: CommandContext, folder: ExportFolder, given: unknown): Promise<number> {
	const storageUrl = typeof given === "string" ? given : (await findNetwork(context)).storageUrl;
	const text = await readFile(folder.index, "utf8").catch(() => {
		throw new FreeholdError("request.invalid", { field: "export", reason: `${folder.index} cannot be read` });
	});
	const index = parseIndex(text, "freehold-network");
	let sent = 0;
	const files = await filesOfNetwork(folder, index);
	for (const sha256 of files) if (await uploadBlob(storageUrl.replace(/\/$/, ""), sha256, folder.blob(sha256), context.signal)) sent++;
	context.output.result({ blobs: files.length, sent }, () => `${sent} of ${files.length} blobs were not there and are now.`);
	return 0;
}

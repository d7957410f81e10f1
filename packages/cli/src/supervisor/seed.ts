/** Publishing the repository's models on a new local network, each by its owner, so that nothing is an empty page. */

import { stat } from "node:fs/promises";
import { FreeholdError, type Hex, type NetworkFile } from "@freehold/protocol";
import { connect } from "@freehold/sdk";
import { nativeCrypto } from "@freehold/service";
import { privateKeyToAccount } from "viem/accounts";
import { type DataFolder, type DevelopmentAccount, writeJson } from "./data-folder.js";
import { modelsFolder, readSeedModels, type SeedModel } from "./models-folder.js";

export interface SeedOptions {
	readonly folder: DataFolder;
	readonly network: NetworkFile;
	readonly accounts: readonly DevelopmentAccount[];
	/** Called before each model. */
	readonly seeding: (model: string) => void;
}

/** `seeded.json` */
export interface SeededFile {
	readonly version: 1;
	readonly releases: readonly { readonly model: string; readonly release: Hex; readonly owner: Hex }[];
}

/** Once per folder. Stopped in the middle, the next start goes on: what the chain has is not published again. */
export async function seedModels({ folder, network, accounts, seeding }: SeedOptions): Promise<void> {
	if ((await stat(folder.seededFile).catch(() => undefined)) !== undefined) return;
	const source = await modelsFolder();
	if (source === undefined) return;
	const releases: SeededFile["releases"][number][] = [];
	for (const model of await readSeedModels(source)) {
		seeding(model.name);
		releases.push(await seed(model, network, accounts));
	}
	await writeJson(folder.seededFile, { version: 1, releases } satisfies SeededFile);
}

async function seed(
	{ name, owner, parameters }: SeedModel,
	network: NetworkFile,
	accounts: readonly DevelopmentAccount[],
): Promise<SeededFile["releases"][number]> {
	const account = accounts.find((candidate) => candidate.name === owner);
	if (account === undefined) throw new FreeholdError("account.notFound", { account: owner });
	const freehold = connect({ network, account: privateKeyToAccount(account.privateKey), crypto: nativeCrypto });
	try {
		const { model, release } = await freehold.publish(parameters);
		return { model, release, owner: account.address };
	} catch (error) {
		// An earlier start of this folder published another edition of the file: what the chain has stands.
		if (!(error instanceof FreeholdError) || error.code !== "model.exists") throw error;
		const { release, model } = await freehold.quote(`${name}@${parameters.version ?? "1.0"}`);
		return { model, release, owner: account.address };
	}
}

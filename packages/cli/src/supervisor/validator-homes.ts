/** CometBFT's folders for several validators on one machine, and its program. Loaded only where there are several: the ledger's code is large. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { engineGenesis, prepareHome, writeGenesis } from "@freehold/ledger";
import { networkOf } from "@freehold/protocol";
import { type DataFolder, writeJson } from "./data-folder.js";
import { homeOf } from "./validators.js";

export { provideEngine } from "@freehold/ledger";

/** Each of the first validators has the same say. */
const POWER = 10n;

/** Makes keys and the shared genesis where they are missing. Gives where peers find each validator, without the port. */
export async function prepareValidators(folder: DataFolder, count: number): Promise<readonly string[]> {
	const homes = Array.from({ length: count }, (_, index) => homeOf(folder, index));
	const identities = await Promise.all(homes.map((home) => prepareHome(home, "local")));
	const appState = JSON.parse(await readFile(folder.genesisFile, "utf8")) as { readonly chainId: number; readonly timestamp: number };
	const genesis = engineGenesis({
		chainId: networkOf(appState.chainId)?.consensusChainId ?? `freehold-${appState.chainId}`,
		timestamp: appState.timestamp,
		validators: identities.map(({ publicKey }, index) => ({ publicKey, power: POWER, name: `validator-${index + 1}` })),
		appState,
	});
	for (const home of homes) if (!(await readdir(join(home, "config"))).includes("genesis.json")) await writeGenesis(home, genesis);
	await writeJson(folder.validatorsFile, { version: 1, count });
	return identities.map(({ nodeId }) => nodeId);
}

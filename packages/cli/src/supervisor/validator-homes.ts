/** CometBFT's folders for several validators on one machine, and its program. Loaded only where there are several: the ledger's code is large. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { engineGenesis, possessionMessage, prepareHome, readValidatorKey, type ValidatorIdentity, writeGenesis } from "@freehold/ledger";
import { fromHex, type Hex, networkOf, toHex } from "@freehold/protocol";
import { type DataFolder, type DevelopmentAccount, writeJson } from "./data-folder.js";
import { developmentAccount, FIRST_OPERATOR } from "./development-accounts.js";
import { homeOf } from "./validators.js";

export { provideEngine } from "@freehold/ledger";

/** Each of the first validators has the same say: so many whole OPG. */
const POWER = 10_000n;
const OPG = 10n ** 18n;
/** What an operator has beside its bond, for its transactions. */
const POCKET = 1_000n;
/** Sets follow the stake soon, so that it can be watched. */
const LOCAL_RULES = { epochSeconds: 10, jailSeconds: 60 };

/** Makes keys and the shared genesis where they are missing. Gives where peers find each validator, without the port. */
export async function prepareValidators(folder: DataFolder, count: number): Promise<readonly string[]> {
	const homes = Array.from({ length: count }, (_, index) => homeOf(folder, index));
	const identities = await Promise.all(homes.map((home) => prepareHome(home, "local")));
	if ((await Promise.all(homes.map(hasGenesis))).every(Boolean)) return identities.map(({ nodeId }) => nodeId);
	const appState = await bondedGenesis(folder, homes, identities);
	const genesis = engineGenesis({
		chainId: networkOf(appState.chainId)?.consensusChainId ?? `freehold-${appState.chainId}`,
		timestamp: appState.timestamp,
		validators: identities.map(({ publicKey }, index) => ({ publicKey, power: POWER, name: `validator-${index + 1}` })),
		appState,
	});
	for (const home of homes) if (!(await hasGenesis(home))) await writeGenesis(home, genesis);
	await writeJson(folder.validatorsFile, { version: 1, count });
	return identities.map(({ nodeId }) => nodeId);
}

const hasGenesis = async (home: string): Promise<boolean> => (await readdir(join(home, "config"))).includes("genesis.json");

interface AppState {
	readonly chainId: number;
	readonly timestamp: number;
	readonly balances: readonly { readonly address: Hex; readonly amount: string }[];
}

/** The folder's genesis with every validator bonded by an operator of its own, who stands among the accounts as `validator-1`, `validator-2`, … */
async function bondedGenesis(folder: DataFolder, homes: readonly string[], identities: readonly ValidatorIdentity[]): Promise<AppState> {
	const file = JSON.parse(await readFile(folder.genesisFile, "utf8")) as AppState & { readonly validators?: unknown };
	if (file.validators !== undefined) return file;
	const operators = homes.map((_, index) => developmentAccount(`validator-${index + 1}`, FIRST_OPERATOR + index));
	const validators = await Promise.all(
		homes.map(async (home, index) => {
			const { address } = operators[index] as DevelopmentAccount;
			const message = possessionMessage(BigInt(file.chainId), fromHex(address));
			const possession = toHex((await readValidatorKey(home)).sign(message));
			return { operator: address, publicKey: toHex((identities[index] as ValidatorIdentity).publicKey), possession, bond: (POWER * OPG).toString() };
		}),
	);
	const funded = operators.map(({ address }) => ({ address, amount: ((POWER + POCKET) * OPG).toString() }));
	const bonded = { ...file, balances: [...file.balances, ...funded], validators, staking: LOCAL_RULES };
	const known = ((await folder.accounts()) ?? []).filter(({ name }) => !operators.some((operator) => operator.name === name));
	await writeJson(folder.accountsFile, [...known, ...operators], 0o600);
	await writeJson(folder.genesisFile, bonded);
	return bonded;
}

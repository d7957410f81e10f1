/** Finding the key that `--account` names: in the keystore, then among the development accounts of the local network. */
import { FreeholdError, fromHex, type Hex, isHex, toHex } from "@freehold/protocol";
import { type LocalAccount, privateKeyToAccount } from "viem/accounts";
import type { CommandContext } from "../context.js";
import { readPassphrase } from "../input/prompt.js";

/** Name of the account that the command line chose. */
export function accountName(context: CommandContext, given?: string): string {
	const name = given ?? context.account;
	if (name === undefined)
		throw new FreeholdError("request.invalid", {
			field: "--account",
			reason: "say which account: a name of your keystore (freehold wallet show), or dev-0 … dev-9",
		});
	return name;
}

/** Address of an account's name, or the address itself. Needs no passphrase. */
export async function addressOf(context: CommandContext, nameOrAddress: string): Promise<Hex> {
	const lower = nameOrAddress.toLowerCase();
	if (isHex(lower, 20)) return lower;
	if (await context.keystore.has(nameOrAddress)) return context.keystore.address(nameOrAddress);
	const development = (await context.folder.accounts())?.find((account) => account.name === nameOrAddress);
	if (development === undefined) throw unknownAccount(context, nameOrAddress);
	return development.address;
}

/** The account with its key; asks for the passphrase when it is in the keystore. */
export async function openAccount(context: CommandContext, given?: string): Promise<LocalAccount> {
	const name = accountName(context, given);
	if (await context.keystore.has(name)) {
		const passphrase = await readPassphrase(context, `Passphrase of ${name}: `, false);
		return privateKeyToAccount(toHex(await context.keystore.open(name, passphrase)));
	}
	const development = (await context.folder.accounts())?.find((account) => account.name === name);
	if (development === undefined) throw unknownAccount(context, name);
	return privateKeyToAccount(toHex(fromHex(development.privateKey)));
}

/** Keys of development accounts lie in the network's folder, wherever `--network` points. */
function unknownAccount(context: CommandContext, account: string): FreeholdError {
	if (!/^dev-\d$/.test(account)) return new FreeholdError("account.notFound", { account });
	const reason = `${account} is a development account, and ${context.folder.root} holds none: name the folder of the development network with --data`;
	return new FreeholdError("request.invalid", { field: "--account", reason });
}

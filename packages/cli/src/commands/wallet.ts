/** `freehold wallet …` and `freehold faucet`: keys kept here, balances and transfers on the chain. */
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { FreeholdError, formatOpg, fromHex, gatewayRoutes, type Hex, isHex, toHex } from "@freehold/protocol";
import { createChainClient, createTransactor } from "@freehold/sdk/chain";
import { atomicWriteFile, createDigestSigner, fetchJson, generatePrivateKey } from "@freehold/service";
import { accountName, addressOf, openAccount } from "../accounts/accounts.js";
import { findNetwork } from "../accounts/network.js";
import type { CommandContext } from "../context.js";
import { parseOpg } from "../input/amount.js";
import { readPassphrase, readSecretLine } from "../input/prompt.js";
import { decryptKey } from "../keystore/keystore.js";
import type { Action } from "../main.js";
import { table } from "../output/output.js";

const FAUCET_DEADLINE_MS = 30_000;

export const create: Action = async (context, [name = ""]) => {
	await requireFreeName(context, name);
	const passphrase = await readPassphrase(context, `Passphrase for ${name}: `, true);
	const address = await keep(context, name, generatePrivateKey(), passphrase);
	context.output.result({ name, address }, () => `${name}  ${address}\nEncrypted with your passphrase. Keep a copy: freehold wallet export ${name} --out FILE`);
	return 0;
};

export const importKey: Action = async (context, [name = ""], options) => {
	await requireFreeName(context, name);
	const file = options["file"];
	const key = typeof file === "string" ? await keyFromFile(context, file) : await keyFromInput(context);
	const passphrase = await readPassphrase(context, `Passphrase for ${name}: `, true);
	const address = await keep(context, name, key, passphrase);
	context.output.result({ name, address }, () => `${name}  ${address}`);
	return 0;
};

export const show: Action = async (context, [name]) => {
	const accounts =
		name === undefined
			? [...(await context.keystore.list()), ...((await context.folder.accounts()) ?? []).map(({ name: account, address }) => ({ name: account, address }))]
			: [{ name, address: await addressOf(context, name) }];
	context.output.result({ accounts }, () =>
		accounts.length === 0 ? "No accounts. Make one with: freehold wallet create NAME" : table(accounts.map((account) => [account.name, account.address])),
	);
	return 0;
};

export const balance: Action = async (context, [name]) => {
	const network = await findNetwork(context);
	const address = await addressOf(context, accountName(context, name));
	const amount = await createChainClient({ rpcUrl: network.rpcUrl }).balance(address, { signal: context.signal });
	context.output.result({ address, balance: amount, balanceOpg: formatOpg(amount) }, () => `${formatOpg(amount)} OPG`);
	return 0;
};

export const send: Action = async (context, [to = "", amountText = ""]) => {
	const value = parseOpg(amountText, "amount");
	const network = await findNetwork(context);
	const recipient = await addressOf(context, to);
	const account = await openAccount(context);
	const client = createChainClient({ rpcUrl: network.rpcUrl, chainId: network.chainId });
	const key = `send ${toHex(Uint8Array.from(randomBytes(16)))}`;
	const receipt = await createTransactor({ client, signer: account }).send({ key, to: recipient, value }, { signal: context.signal });
	context.output.result(
		{ transaction: receipt.hash, block: receipt.blockNumber, to: recipient, amount: value },
		() => `${formatOpg(value)} OPG sent to ${recipient} in block ${receipt.blockNumber}`,
	);
	return 0;
};

export const exportKey: Action = async (context, [name = ""], options) => {
	const text = await context.keystore.export(name);
	const out = options["out"];
	if (typeof out !== "string") {
		context.output.result(JSON.parse(text), () => text.trimEnd());
		return 0;
	}
	await atomicWriteFile(out, text, 0o600);
	context.output.result({ name, file: out }, () => `Written to ${out} (encrypted; it opens with the passphrase of ${name}).`);
	return 0;
};

export const faucet: Action = async (context, _args, options) => {
	const network = await findNetwork(context);
	const address = await addressOf(context, accountName(context));
	const amount = parseOpg(String(options["amount"]), "--amount");
	const url = new URL(gatewayRoutes.faucet.path, network.gatewayUrl).href;
	const answer = await fetchJson(url, {
		what: "The gateway",
		json: { address, amount: amount.toString() },
		deadlineMs: FAUCET_DEADLINE_MS,
		signal: context.signal,
	});
	context.output.result(answer, () => `${formatOpg(amount)} OPG for ${address}`);
	return 0;
};

async function requireFreeName(context: CommandContext, name: string): Promise<void> {
	if (await context.keystore.has(name)) throw new FreeholdError("request.invalid", { field: "name", reason: `there is an account ${name} already` });
}

async function keep(context: CommandContext, name: string, key: Uint8Array, passphrase: string): Promise<Hex> {
	const { address } = createDigestSigner(key);
	await context.keystore.add(name, key, address, passphrase);
	return address;
}

async function keyFromFile(context: CommandContext, file: string): Promise<Uint8Array> {
	const text = await readFile(file, "utf8").catch(() => {
		throw new FreeholdError("config.invalid", { option: "--file", reason: `${file} cannot be read` });
	});
	return decryptKey(text, await readPassphrase(context, `Passphrase of ${file}: `, false), file);
}

async function keyFromInput(context: CommandContext): Promise<Uint8Array> {
	const line = (await readSecretLine(context, "Private key (hex): ")).trim().toLowerCase();
	const hex = line.startsWith("0x") ? line : `0x${line}`;
	if (!isHex(hex, 32)) throw new FreeholdError("request.invalid", { field: "private key", reason: "must be 32 bytes of hex" });
	return fromHex(hex);
}

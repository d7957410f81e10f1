/** People around two gateways on a chain of their own, and what each of them has: a theft is somebody having less afterwards than the rules say. */
import { channelsAbi } from "@freehold/contracts/abi";
import { genesisAddresses } from "@freehold/contracts/bytecode";
import { type Address, encodeAbiParameters, getAbiItem, type Hex, hashTypedData, keccak256, toHex } from "viem";
import type { PrivateKeyAccount } from "viem/accounts";
import { account, CHAIN_ID, type Chain, GENESIS_TIME, OPG_UNIT, openChain } from "../contracts/chain.js";
import { fixture } from "../contracts/fixtures.js";
import { claimableOf, creditOf, ledger, opg, publish, ROLE, register, TREASURY, tillOf } from "../contracts/market.js";

export const channels = { address: genesisAddresses.Channels, abi: channelsAbi } as const;
export const OPG = OPG_UNIT;
/** Price of the model, and of its base. */
export const PRICE = OPG;

export const people = {
	gateway: account(0),
	rival: account(1),
	node: account(2),
	owner: account(3),
	baseOwner: account(4),
	payer: account(5),
	thief: account(6),
	buyer: account(7),
} as const;
export type Person = keyof typeof people;

export interface ChannelConfig {
	readonly payer: Address;
	readonly payerAuthorizer: Address;
	readonly receiver: Address;
	readonly receiverAuthorizer: Address;
	readonly token: Address;
	readonly withdrawDelay: number;
	readonly salt: Hex;
}

export interface Claim {
	readonly voucher: { readonly channel: ChannelConfig; readonly maxClaimableAmount: bigint };
	readonly signature: Hex;
	readonly totalClaimed: bigint;
}

/** What a person has: balance, credit, royalties; the treasury and both tills are people here. */
export type Purses = Readonly<Record<Person | "treasury" | "till" | "rivalTill", bigint>>;

export type Scene = Awaited<ReturnType<typeof openScene>>;

export async function openScene() {
	const chain: Chain = await openChain({ extraAbis: ["Wallet", "Prober", "GreedyOwner"].map((name) => fixture(name).abi) });
	await register(chain, people.gateway, ROLE.gateway);
	await register(chain, people.rival, ROLE.gateway);
	await register(chain, people.node, ROLE.inference);
	for (const { address } of [people.gateway, people.rival]) await chain.send(people.thief, { ...ledger, functionName: "openTill", args: [address] });
	const till = tillOf(chain, people.gateway.address);
	const rivalTill = tillOf(chain, people.rival.address);
	const base = await publish(chain, people.baseOwner, { name: "base/model", price: { perCall: PRICE } });
	const model = await publish(chain, people.owner, { name: "plus/model", price: { perCall: PRICE }, parents: [{ release: base.release, bps: 1_000 }] });
	let salts = 0;

	const has = (address: Address): bigint => chain.balance(address) + creditOf(chain, address) + claimableOf(chain, address);
	const purses = (): Purses => {
		const known = Object.entries(people).map(([name, { address }]) => [name, has(address)]);
		return { ...Object.fromEntries(known), treasury: has(TREASURY), till: chain.balance(till), rivalTill: chain.balance(rivalTill) } as Purses;
	};
	const channelId = (config: ChannelConfig): Hex => chain.read({ ...channels, functionName: "getChannelId", args: [config] });

	const deposit = async (config: ChannelConfig, amount: bigint, nonce = 1n, signer: PrivateKeyAccount = people.payer) => {
		const validBefore = BigInt(GENESIS_TIME + 10 ** 9);
		const hash = hashTypedData({
			domain: { name: "OpenGradient", version: "1", chainId: CHAIN_ID, verifyingContract: opg.address },
			types: { ReceiveWithAuthorization: authorizationType },
			primaryType: "ReceiveWithAuthorization",
			message: {
				from: config.payer,
				to: genesisAddresses.Erc3009DepositCollector,
				value: amount,
				validAfter: 0n,
				validBefore,
				nonce: keccak256(encodeAbiParameters([{ type: "bytes32" }, { type: "uint256" }], [channelId(config), nonce])),
			},
		});
		const data = encodeAbiParameters(
			[{ type: "uint256" }, { type: "uint256" }, { type: "uint256" }, { type: "bytes" }],
			[0n, validBefore, nonce, await signer.sign({ hash })],
		);
		return { ...channels, functionName: "deposit", args: [config, amount, genesisAddresses.Erc3009DepositCollector, data] } as const;
	};
	const configOf = (change: Partial<ChannelConfig> = {}): ChannelConfig => ({
		payer: people.payer.address,
		payerAuthorizer: people.payer.address,
		receiver: till,
		receiverAuthorizer: people.gateway.address,
		token: opg.address,
		withdrawDelay: 900,
		salt: toHex(++salts, { size: 32 }),
		...change,
	});

	return {
		chain,
		till,
		rivalTill,
		base: base.release,
		release: model.release,
		modelId: model.modelId,
		purses,
		has,
		channelId,
		configOf,
		deposit,
		/** A channel of the payer with 10 OPG, paying the gateway's till. */
		async open(change: Partial<ChannelConfig> = {}): Promise<ChannelConfig> {
			const config = configOf(change);
			await chain.send(people.thief, await deposit(config, 10n * OPG));
			return config;
		},
		/** The payer's signature over a total; `chainId` of another chain makes it one of there. */
		async voucher(
			config: ChannelConfig,
			total: bigint,
			{ signer = people.payer, chainId = CHAIN_ID, id = channelId(config), most = total } = {},
		): Promise<Claim> {
			const hash = hashTypedData({
				domain: { name: "x402 Batch Settlement", version: "1", chainId, verifyingContract: channels.address },
				types: {
					Voucher: [
						{ name: "channelId", type: "bytes32" },
						{ name: "maxClaimableAmount", type: "uint128" },
					],
				},
				primaryType: "Voucher",
				message: { channelId: id, maxClaimableAmount: most },
			});
			return { voucher: { channel: config, maxClaimableAmount: most }, signature: await signer.sign({ hash }), totalClaimed: total };
		},
		claim: (claims: readonly Claim[]) => ({ ...channels, functionName: "claim", args: [[...claims]] }) as const,
		/** The `claims` argument of `anchor`. */
		async claims(all: readonly Claim[], signer: PrivateKeyAccount = people.gateway): Promise<Hex> {
			const hash = chain.read({ ...channels, functionName: "getClaimBatchDigest", args: [[...all]] });
			const { inputs } = getAbiItem({ abi: channelsAbi, name: "claimWithSignature" });
			return encodeAbiParameters(inputs, [[...all], await signer.sign({ hash })]);
		},
		state: (config: ChannelConfig): readonly [balance: bigint, claimed: bigint] =>
			chain.read({ ...channels, functionName: "channels", args: [channelId(config)] }),
	};
}

/** Runs an attempt; gives who has more or less afterwards, by how much. Nobody, when it was no theft. */
export async function lossesOf(scene: Scene, attempt: () => Promise<unknown>): Promise<Readonly<Record<string, bigint>>> {
	const before = scene.purses();
	await attempt();
	const after = scene.purses();
	return Object.fromEntries(
		Object.entries(after).flatMap(([name, amount]) => (amount === before[name as Person] ? [] : [[name, amount - before[name as Person]]])),
	);
}

export const nobody: Readonly<Record<string, bigint>> = {};

const authorizationType = [
	{ name: "from", type: "address" },
	{ name: "to", type: "address" },
	{ name: "value", type: "uint256" },
	{ name: "validAfter", type: "uint256" },
	{ name: "validBefore", type: "uint256" },
	{ name: "nonce", type: "bytes32" },
] as const;

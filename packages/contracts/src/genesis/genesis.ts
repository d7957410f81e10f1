/**
 * Genesis of a network: the contracts in the order in which their constructors run, and the accounts that hold the supply.
 * The supply table is the published one of OPG; the release schedules are this network's defaults.
 */
import { creationCode } from "../generated/bytecode.js";

type Hex = `0x${string}`;

/** Whole supply in the smallest unit: 1,000,000,000 OPG. */
export const TOTAL_SUPPLY = 1_000_000_000n * 10n ** 18n;

/** Addresses of the contracts that exist from genesis. Those of x402, Permit2 and Multicall3 are the canonical ones. */
export const genesisAddresses = {
	OPG: "0x4f50470000000000000000000000000000000001",
	ModelRegistry: "0x4f50470000000000000000000000000000000002",
	UsageLedger: "0x4f50470000000000000000000000000000000003",
	Royalties: "0x4f50470000000000000000000000000000000004",
	NodeRegistry: "0x4f50470000000000000000000000000000000005",
	CoOwners: "0x4f50470000000000000000000000000000000008",
	ValidatorSet: "0x4f50470000000000000000000000000000000009",
	Channels: "0x4020074e9df2ce1dee5a9c1b5c3f541d02a10003",
	Erc3009DepositCollector: "0x4020806089470a89826cb9fb1f4059150b550004",
	Permit2DepositCollector: "0x4020425faf3b746c082c2f942b4e5159887b0005",
	ExactPermit2Proxy: "0x402085c248eea27d92e8b30b2c58ed07f9e20001",
	Permit2: "0x000000000022d473030f116ddee9f6b43ac78ba3",
	Multicall3: "0xca11bde05977b3631167028862be2a173976ca11",
	Inference: "0x00000000000000000000000000000000000000f4",
	Historical: "0x00000000000000000000000000000000000000f5",
	Preprocessing: "0x00000000000000000000000000000000000000f6",
	TeeVerifier: "0x0000000000000000000000000000000000000900",
	InferenceHub: "0x8383c9bd7462f12eb996dd02f78234c0421a6fae",
	WorkflowScheduler: "0x7179724de4e7ff9271fa40c0337c7f90c0508ef6",
} as const satisfies Record<string, Hex>;

/** Collects the protocol fee and governs the bounded parameters. */
const TREASURY: Hex = "0x4f50470000000000000000000000000000000007";

const MONTH_SECONDS = 2_629_800;

/** A share of the supply and the wallet that releases it, linearly over `months` from genesis. */
export interface SupplyShare {
	readonly name: "ecosystem" | "foundation" | "contributors" | "investors" | "staking" | "liquidity" | "airdrop";
	readonly percent: number;
	readonly wallet: Hex;
	readonly months: number;
}

export const supplyTable: readonly SupplyShare[] = [
	{ name: "ecosystem", percent: 40, wallet: "0x4f50470000000000000000000000000000000010", months: 48 },
	{ name: "foundation", percent: 15, wallet: "0x4f50470000000000000000000000000000000011", months: 48 },
	{ name: "contributors", percent: 15, wallet: "0x4f50470000000000000000000000000000000012", months: 48 },
	{ name: "investors", percent: 10, wallet: "0x4f50470000000000000000000000000000000013", months: 48 },
	{ name: "staking", percent: 10, wallet: "0x4f50470000000000000000000000000000000014", months: 72 },
	{ name: "liquidity", percent: 6, wallet: "0x4f50470000000000000000000000000000000015", months: 0 },
	{ name: "airdrop", percent: 4, wallet: "0x4f50470000000000000000000000000000000016", months: 0 },
];

export interface GenesisOptions {
	/** Time of the genesis block, Unix seconds: when the vesting wallets start. */
	readonly genesisTime: number;
	/** Who may take what each wallet releases; the treasury where nothing is said. */
	readonly beneficiaries?: Partial<Record<SupplyShare["name"], Hex>>;
	/** Accounts funded at genesis, in the smallest unit, out of the ecosystem share (development networks). */
	readonly accounts?: readonly { readonly address: Hex; readonly amount: bigint }[];
}

/** Init code (creation code and encoded constructor arguments) to run once, at this address. */
export interface GenesisDeployment {
	readonly name: string;
	readonly address: Hex;
	readonly initCode: Hex;
}

export interface GenesisAllocation {
	readonly address: Hex;
	readonly amount: bigint;
}

/** Contracts in the order in which to run their constructors. */
export function genesisDeployments(options: GenesisOptions): readonly GenesisDeployment[] {
	const contracts = (Object.keys(genesisAddresses) as (keyof typeof genesisAddresses)[]).map((name) => ({
		name,
		address: genesisAddresses[name],
		initCode: creationCode[name],
	}));
	const wallets = supplyTable.map((share): GenesisDeployment => {
		const beneficiary = options.beneficiaries?.[share.name] ?? TREASURY;
		const words = [BigInt(beneficiary), BigInt(options.genesisTime), BigInt(share.months * MONTH_SECONDS)];
		return { name: `Vesting:${share.name}`, address: share.wallet, initCode: `${creationCode.GenesisVesting}${words.map(word).join("")}` };
	});
	return [...contracts, ...wallets];
}

/**
 * Balances at genesis; they add up to `TOTAL_SUPPLY`. Throws `RangeError` when the accounts ask for more than the ecosystem share,
 * for a negative amount, or twice.
 */
export function genesisAllocations(options: GenesisOptions): readonly GenesisAllocation[] {
	const accounts = options.accounts ?? [];
	if (accounts.some((account) => account.amount < 0n)) throw new RangeError("an allocation is negative");
	if (new Set(accounts.map((account) => account.address.toLowerCase())).size !== accounts.length) throw new RangeError("an account is funded twice");
	const given = accounts.reduce((sum, account) => sum + account.amount, 0n);
	const wallets = supplyTable.map((share) => {
		const whole = (TOTAL_SUPPLY * BigInt(share.percent)) / 100n;
		const amount = share.name === "ecosystem" ? whole - given : whole;
		if (amount < 0n) throw new RangeError("the accounts ask for more than the ecosystem share");
		return { address: share.wallet, amount };
	});
	return [...wallets, ...accounts.map(({ address, amount }) => ({ address, amount }))];
}

function word(value: bigint): string {
	return value.toString(16).padStart(64, "0");
}

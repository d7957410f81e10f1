/** Readers of payments, names, ranges and settings under damaged input. */
import { gatewayProgram } from "@freehold/gateway";
import { hubProgram } from "@freehold/hub";
import { inferenceProgram } from "@freehold/inference";
import { ledgerProgram, parseGenesisFile } from "@freehold/ledger";
import {
	decodePayment,
	decodePaymentRequired,
	decodeSettleResponse,
	encodeHeader,
	type PaymentPayload,
	type PaymentRequired,
	type SettleResponse,
} from "@freehold/payments";
import { readBatchPayload, readExactPayload } from "@freehold/payments/server";
import { FreeholdError, formatModelName, formatOpg, isHex, parseModelName, parseOpg, toBase64, utf8 } from "@freehold/protocol";
import { environmentName, flagOf, type OptionTable, readConfig } from "@freehold/service";
import { formatBlobName, parseBlobId, parseSha256, storageProgram } from "@freehold/storage";
import { mutateBytes } from "./fuzz/bytes.ts";
import { fuzz, type Target } from "./fuzz/fuzzer.ts";
import { type Json, mutateJsonText } from "./fuzz/json.ts";
import type { Random } from "./fuzz/random.ts";

const address = (digit: string): `0x${string}` => `0x${digit.repeat(40)}`;
const word = (digit: string): `0x${string}` => `0x${digit.repeat(64)}`;
const signature = `0x${"ab".repeat(64)}1b` as const;
const isConfigRefusal = (error: unknown): boolean => error instanceof FreeholdError && error.code === "config.invalid";

const requirements = {
	scheme: "batch-settlement",
	network: "eip155:10741",
	amount: "1080000000000000000",
	asset: address("a"),
	payTo: address("b"),
	maxTimeoutSeconds: 60,
	extra: { name: "OpenGradient", version: "1", receiverAuthorizer: address("c"), withdrawDelay: 900, minDeposit: "10" },
} as const;
const config = {
	payer: address("1"),
	payerAuthorizer: address("1"),
	receiver: address("b"),
	receiverAuthorizer: address("c"),
	token: address("a"),
	withdrawDelay: 900,
	salt: word("0"),
};
const voucher = { channelId: word("d"), maxClaimableAmount: "1080000000000000000", signature };
const erc3009 = { validAfter: "0", validBefore: "1760000000", salt: word("e"), signature };
const permit2 = { from: address("1"), spender: address("2"), nonce: "7", deadline: "1760000000", signature };
const payments: readonly PaymentPayload[] = [
	{ x402Version: 2, accepted: requirements, payload: { type: "voucher", channelConfig: config, voucher } },
	{
		x402Version: 2,
		accepted: requirements,
		payload: { type: "deposit", channelConfig: config, voucher, deposit: { amount: "5000", authorization: { erc3009Authorization: erc3009 } } },
	},
	{
		x402Version: 2,
		accepted: requirements,
		payload: { type: "deposit", channelConfig: config, voucher, deposit: { amount: "5000", authorization: { permit2Authorization: permit2 } } },
	},
	{ x402Version: 2, accepted: requirements, payload: { type: "refund", channelConfig: config, voucher, amount: "12" } },
	{
		x402Version: 2,
		accepted: { ...requirements, scheme: "exact" },
		payload: { signature, authorization: { from: address("1"), to: address("b"), value: "108", validAfter: "0", validBefore: "1760000000", nonce: word("9") } },
	},
	{
		x402Version: 2,
		accepted: { ...requirements, scheme: "exact" },
		payload: {
			signature,
			permit2Authorization: {
				from: address("1"),
				spender: address("2"),
				nonce: "3",
				deadline: "1760000000",
				permitted: { token: address("a"), amount: "108" },
				witness: { to: address("b"), validAfter: "0" },
			},
		},
	},
];

/** A header is base64 of JSON; damage goes to the JSON, to the bytes or to the base64. */
function damagedHeader(header: string, random: Random): string {
	const bytes = Buffer.from(header, "base64");
	if (random.chance(0.1)) return Buffer.from(mutateBytes(bytes, random, [bytes])).toString("base64");
	if (random.chance(0.1))
		return header.slice(0, random.below(header.length)) + random.pick(["", "=", "==", "-", " ", "é", "\n"]) + header.slice(random.below(header.length));
	const value = JSON.parse(bytes.toString("utf8")) as Json;
	return toBase64(utf8(mutateJsonText(value, random, OTHERS)));
}
const OTHERS: readonly Json[] = [
	address("f"),
	word("f"),
	"115792089237316195423570985008687907853269984665640564039457584007913129639935",
	{ a: 1 },
	1e300,
	signature,
];

const paymentHeader: Target<string> = {
	name: "PAYMENT-SIGNATURE",
	seeds: () => payments.map(encodeHeader),
	mutate: damagedHeader,
	read: (header) => {
		const payment = decodePayment(header);
		if (payment === undefined) return false;
		const { maxTimeoutSeconds, amount } = payment.accepted;
		if (!Number.isSafeInteger(Math.ceil(maxTimeoutSeconds))) throw new Error(`a validity of ${maxTimeoutSeconds} s`);
		if (BigInt(amount).toString() !== amount) throw new Error(`the amount ${amount} has another spelling`);
		const again = decodePayment(encodeHeader(payment));
		if (JSON.stringify(again) !== JSON.stringify(payment)) throw new Error("what was read is written otherwise");
		const batch = readBatchPayload(payment.payload);
		const exact = readExactPayload(payment.payload);
		if (batch !== undefined) {
			for (const name of ["payer", "payerAuthorizer", "receiver", "receiverAuthorizer", "token"] as const)
				if (!isHex(batch.config[name], 20)) throw new Error(`${name} is no address`);
			if (batch.config.withdrawDelay >= 2 ** 40) throw new Error("a delay that the contract cannot hold");
			const given = payment.payload["channelConfig"] as { readonly withdrawDelay?: unknown };
			if (String(given.withdrawDelay) !== String(batch.config.withdrawDelay))
				throw new Error(`the delay ${JSON.stringify(given.withdrawDelay)} was read as ${batch.config.withdrawDelay}`);
		}
		if (exact !== undefined && (!isHex(exact.nonce, 32) || exact.amount >= 1n << 256n || exact.validBefore >= 1n << 64n))
			throw new Error("a number wider than its field");
		return batch !== undefined || exact !== undefined;
	},
	isRefusal: () => false,
};

const required: PaymentRequired = {
	x402Version: 2,
	error: "payment required",
	resource: { url: "http://127.0.0.1:8546/v1/inference", mimeType: "application/json" },
	accepts: [requirements, { ...requirements, scheme: "exact" }],
};
const offerHeader: Target<string> = {
	name: "PAYMENT-REQUIRED",
	seeds: () => [encodeHeader(required)],
	mutate: damagedHeader,
	read: (header) => {
		const offer = decodePaymentRequired(header);
		if (offer === undefined) return false;
		if (offer.accepts.length > 32) throw new Error("more offers than are read");
		for (const { maxTimeoutSeconds, asset, payTo } of offer.accepts) {
			if (!Number.isSafeInteger(Math.ceil(maxTimeoutSeconds))) throw new Error(`a validity of ${maxTimeoutSeconds} s`);
			if (!isHex(asset, 20) || !isHex(payTo, 20)) throw new Error("an address in another spelling");
		}
		return true;
	},
	isRefusal: () => false,
};

const settled: SettleResponse = {
	success: true,
	payer: address("1"),
	transaction: word("7"),
	network: "eip155:10741",
	amount: "108",
	extra: { channelState: { channelId: word("d"), balance: "5" } },
};
const settleHeader: Target<string> = {
	name: "PAYMENT-RESPONSE",
	seeds: () => [encodeHeader(settled), encodeHeader({ success: false, errorReason: "invalid_amount", transaction: "", network: "eip155:10741" })],
	mutate: damagedHeader,
	read: (header) => decodeSettleResponse(header) !== undefined,
	isRefusal: () => false,
};

const names: Target<string> = {
	name: "names and amounts",
	seeds: () => [
		"base/digits",
		"base/digits@1.0",
		"a/b@65535.65535",
		"1.5",
		"0.000000000000000001",
		"1234567890",
		"ab".repeat(32),
		word("1"),
		Buffer.alloc(32, 7).toString("base64url"),
	],
	mutate: (text, random, seeds) => Buffer.from(mutateBytes(utf8(text), random, seeds.map(utf8))).toString("utf8"),
	read: (text) => {
		const model = parseModelName(text);
		const amount = parseOpg(text);
		const sha256 = parseSha256(text);
		const blobId = parseBlobId(text);
		if (model !== undefined && formatModelName(model) !== text) throw new Error("a model's name in another spelling");
		if (amount !== undefined && parseOpg(formatOpg(amount)) !== amount) throw new Error("an amount that changes");
		if (sha256 !== undefined && formatBlobName({ sha256 }) !== (text.startsWith("0x") ? text : `0x${text}`)) throw new Error("a digest in another spelling");
		if (blobId !== undefined && Buffer.from(blobId, "base64url").length !== 32) throw new Error("a blob id of another length");
		// Names become paths.
		for (const accepted of [model?.name, model?.namespace, sha256, blobId])
			if (accepted !== undefined && /[/\\.\0]/.test(accepted)) throw new Error(`a name that is a path: ${accepted}`);
		return model !== undefined || amount !== undefined || sha256 !== undefined || blobId !== undefined;
	},
	isRefusal: () => false,
};

const genesis: Json = {
	chainId: 10741,
	timestamp: 1_760_000_000,
	balances: [{ address: address("1"), amount: "1000000000000000000000" }],
	sequencer: word("a"),
	feeRecipient: address("2"),
};
const genesisFile: Target<string> = {
	name: "genesis files",
	seeds: () => [JSON.stringify(genesis)],
	mutate: (text, random) => mutateJsonText(JSON.parse(text) as Json, random, OTHERS),
	read: (text) => {
		const file = parseGenesisFile(text);
		if (file.balances.some(({ address: bytes, amount }) => bytes.length !== 20 || amount < 0n)) throw new Error("a balance of nobody");
		return true;
	},
	isRefusal: isConfigRefusal,
};

interface Settings {
	readonly argv: readonly string[];
	readonly env: Readonly<Record<string, string>>;
	readonly program: number;
}
const programs = [ledgerProgram, storageProgram, inferenceProgram, gatewayProgram, hubProgram].map(({ role, options }) => ({
	role,
	options: options as OptionTable,
}));
const VALUES = [
	"1",
	"0",
	"10s",
	"250ms",
	"4GiB",
	"http://127.0.0.1:1",
	"http://a/,http://b/",
	"/tmp/x",
	"true",
	"0.05",
	address("1"),
	"info",
	"",
	"-1",
	"1e9",
	"99999999999999999999",
	"\0",
	"../..",
	"http://u:p@h/",
	"é".repeat(50),
] as const;
const settings: Target<Settings> = {
	name: "command lines and environments",
	seeds: () =>
		programs.map(({ role, options }, program) => ({
			program,
			env: {},
			argv: Object.entries(options).flatMap(([name, spec]) => ("default" in spec ? [] : [flagOf(name), honest(role, name)])),
		})),
	mutate: ({ argv, program }, random) => {
		const { role, options } = programs[program] as (typeof programs)[number];
		const changed = [...argv];
		const env: Record<string, string> = {};
		for (let left = 1 + random.below(3); left > 0; left--) {
			const name = random.pick(Object.keys(options));
			const value = random.pick(VALUES);
			const at = random.below(changed.length + 1);
			switch (random.below(5)) {
				case 0:
					env[environmentName(role, name)] = value;
					break;
				case 1:
					changed.splice(at, 0, flagOf(name), value);
					break;
				case 2:
					changed.splice(at, 0, `${flagOf(name)}=${value}`);
					break;
				case 3:
					changed.splice(at, 1);
					break;
				default:
					changed[at] = random.pick([value, "--", "--x", "--__proto__", "--constructor=1", `-${flagOf(name)}`]);
			}
		}
		return { argv: changed, env, program };
	},
	read: ({ argv, env, program }) => {
		const { role, options } = programs[program] as (typeof programs)[number];
		const read: Readonly<Record<string, unknown>> = readConfig(options, argv, env, role);
		for (const name of Object.keys(options)) if (!Object.hasOwn(read, name)) throw new Error(`${name} was lost`);
		for (const [name, value] of Object.entries(read)) if (typeof value === "number" && !Number.isSafeInteger(value)) throw new Error(`${name} is ${value}`);
		return true;
	},
	isRefusal: isConfigRefusal,
};

/** A value that the option of this name takes. */
function honest(role: string, name: string): string {
	const options = programs.find((program) => program.role === role)?.options ?? {};
	for (const value of VALUES) {
		try {
			options[name]?.parse(value, flagOf(name));
			return value;
		} catch {}
	}
	throw new Error(`no value for ${role} ${flagOf(name)}`);
}

fuzz(paymentHeader, offerHeader, settleHeader, names, genesisFile, settings);

import { createHash } from "node:crypto";
import { concatBytes, fromHex, toHex, utf8 } from "@freehold/protocol";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
	type AttestationArguments,
	attest,
	type Cbor,
	cbor,
	certificate,
	type DocumentChange,
	type Enclave,
	enclave,
	extensions,
	HOUR,
	partsOf,
	party,
	pem,
	REGISTERS,
} from "../../test/attestation.js";
import { address, type Bench, bench, environment, executed, request, word } from "../../test/execution-kit.js";
import { Random } from "../../test/random.js";
import { keccak256 } from "../state/keccak.js";

const VERIFIER = address(0x900);
const PRICE = 500_000n;
const NOW = 1_790_000_000;
/** Of the specification: registers of 48 bytes 0xaa, 0xbb and 0xcc. */
const REGISTERS_HASH = "0x24595bd33f9cff4f2e1fce6cf8f32a56db6c59087e0657f16e793a775542757c";
const DEEP = process.env["FREEHOLD_DEEP"] === "1";
let ledger: Bench;
let good: Enclave;
beforeAll(() => {
	ledger = bench({});
	good = enclave(NOW);
});
afterAll(() => ledger.close());

const call = (data: Uint8Array, now = NOW, gasLimit = 10_000_000n) =>
	executed(ledger.machine.call(request(address(1), VERIFIER, { data, gasLimit }), environment(1n, { timestamp: BigInt(now) })));
const selector = keccak256(utf8("verifyAttestation(bytes,bytes,bytes,bytes)")).subarray(0, 4);
function encode(parts: readonly Uint8Array[]): Uint8Array {
	const padded = parts.map((part) => concatBytes(word(part.length), part, new Uint8Array((32 - (part.length % 32)) % 32)));
	const heads = padded.map((_, index) => word(32 * parts.length + padded.slice(0, index).reduce((sum, part) => sum + part.length, 0)));
	return concatBytes(selector, ...heads, ...padded);
}
/** The registers' hash, or false; anything else that it might answer fails the test. */
function verify(given: AttestationArguments, now = NOW): string | false {
	const { success, output } = call(encode(given), now);
	expect(success).toBe(true);
	expect(output).toHaveLength(64);
	const [valid, hash] = [toHex(output.subarray(0, 32)), toHex(output.subarray(32))];
	if (valid === toHex(word(1))) return hash;
	expect([valid, hash]).toEqual([toHex(word(0)), toHex(word(0))]);
	return false;
}

const flipped = (at: (length: number) => number) => (bytes: Uint8Array) => bytes.map((byte, index) => (index === at(bytes.length) ? byte ^ 1 : byte));

describe("an attestation document at 0x900", () => {
	const stranger = party("stranger");
	/** Authorities of the right name and the wrong key, before the right one. */
	const lookalikes = (count: number): Uint8Array[] => [
		...Array.from({ length: count }, () => certificate({ ...partsOf(good, "zone"), of: party("zone") })),
		certificate(partsOf(good, "zone")),
	];
	test("that holds gives the hash of its registers, twice the same", () => {
		expect(verify(attest(good))).toBe(REGISTERS_HASH);
		const given = attest(good);
		expect(toHex(call(encode(given)).output)).toBe(toHex(call(encode(given)).output));
	});

	test("holds with its certificates in any order, without the root among them, and with fields of a later day", () => {
		const certificates = { root: certificate(partsOf(good, "root")), zone: certificate(partsOf(good, "zone")) };
		const region = party("region");
		const span = { from: NOW - HOUR, until: NOW + HOUR };
		const authority = (pathLength: number) => [extensions.authority(pathLength), extensions.signsCertificates()];
		const ofRegion = certificate({ of: region, by: good.root, ...span, extensions: authority(1) });
		const zone = certificate({ of: good.zone, by: region, ...span, extensions: authority(0) });
		for (const change of [
			{ fields: { cabundle: [certificates.zone] } },
			{ fields: { cabundle: [certificates.zone, certificates.root] } },
			{ fields: { cabundle: [zone, ofRegion] } },
			{ fields: { cabundle: [ofRegion, certificates.root, zone] } },
			{ fields: { public_key: null, nonce: new Uint8Array(20), module_id: undefined } },
			{ more: [["later", new Map<Cbor, Cbor>([["a", [1, -1, null, "x"]]])]] },
			{ unprotectedHeader: new Map<Cbor, Cbor>([[4, new Uint8Array(3)]]) },
			{ payload: (payload) => concatBytes(new Uint8Array([0xa9]), payload.subarray(1, -1)) },
			{ certificates: { leaf: { extensions: [extensions.forServers(), extensions.unknown(false)] } } },
			{ fields: { cabundle: lookalikes(3) } },
			{ certificates: { leaf: { by: good.root, issuer: "root" } }, fields: { cabundle: [] } },
		] satisfies DocumentChange[])
			expect(verify(attest(good, change)), JSON.stringify(Object.keys(change))).toBe(REGISTERS_HASH);
	});

	test("is judged at the block's time, to the second", () => {
		const given = attest(good);
		expect([NOW + 300, NOW + 301, NOW - 60, NOW - 61].map((now) => verify(given, now) !== false)).toEqual([true, false, true, false]);
		const old = enclave(1_738_281_600);
		expect(verify(attest(old, { fields: { timestamp: 1_738_281_600_000 } }), old.now)).toBe(REGISTERS_HASH);
		expect(verify(attest(old, { fields: { timestamp: 1_738_281_599_999 } }), old.now)).toBe(false);
		for (const which of ["root", "zone", "leaf"] as const) {
			expect(verify(attest(good, { certificates: { [which]: { until: NOW } } })), which).toBe(REGISTERS_HASH);
			expect(verify(attest(good, { certificates: { [which]: { until: NOW - 1 } } })), which).toBe(false);
			expect(verify(attest(good, { certificates: { [which]: { from: NOW + 1 } } })), which).toBe(false);
		}
	});

	test("binds the key and the certificate, whatever stands before their hashes", () => {
		const changed = [flipped(() => 0), flipped(() => 1), flipped(() => 34), flipped(() => 35)];
		const told = Buffer.concat([Buffer.from("1220", "hex"), sha(good.tlsCertificate), Buffer.from("1220", "hex"), sha(good.signingKey)]);
		for (const change of changed) expect(verify(attest(good, { fields: { user_data: change(told) } }))).toBe(REGISTERS_HASH);
		for (const at of [2, 33, 36, 67]) expect(verify(attest(good, { fields: { user_data: flipped(() => at)(told) } })), `byte ${at}`).toBe(false);
		for (const userData of [undefined, null, told.subarray(0, 67), Buffer.concat([told, Buffer.from([0])]), ""])
			expect(verify(attest(good, { fields: { user_data: userData } }))).toBe(false);
		expect(verify(attest(good, { signingKey: good.tlsCertificate }))).toBe(false);
		expect(verify(attest(good, { tlsCertificate: flipped((length) => length - 1)(good.tlsCertificate) }))).toBe(false);
	});

	const p256 = party("enclave", "P-256");
	test.each<readonly [string, DocumentChange | (() => DocumentChange)]>([
		["whose signature is another's", { by: stranger }],
		["whose signature is changed", { signature: flipped(() => 95) }],
		["whose signature is too short", { signature: (signature) => signature.subarray(1) }],
		["whose signature is nothing", { signature: () => new Uint8Array(96) }],
		["of another algorithm", { protectedHeader: cbor(new Map([[1, -7]])) }],
		["without an algorithm", { protectedHeader: new Uint8Array(0) }],
		[
			"with a header more",
			{
				protectedHeader: cbor(
					new Map([
						[1, -35],
						[2, 0],
					]),
				),
			},
		],
		["without a register", { fields: { pcrs: new Map([0, 1].map((index): [Cbor, Cbor] => [index, new Uint8Array(48)])) } }],
		["with a register too many", { fields: { pcrs: new Map([0, 1, 2, 32].map((index): [Cbor, Cbor] => [index, new Uint8Array(48)])) } }],
		["with registers that are no map", { fields: { pcrs: [] } }],
		["without a time", { fields: { timestamp: undefined } }],
		["with a time that is text", { fields: { timestamp: "now" } }],
		["without a certificate", { fields: { certificate: undefined } }],
		["without certificates of authorities", { fields: { cabundle: [] } }],
		["with a bundle that is no list", { fields: { cabundle: new Uint8Array(4) } }],
		["with a certificate in the bundle that is none", () => ({ fields: { cabundle: [certificate(partsOf(good, "zone")), new Uint8Array([0x30, 0])] } })],
		["whose authorities are too many to try", () => ({ fields: { cabundle: lookalikes(5) } })],
		["with too many certificates", () => ({ fields: { cabundle: Array.from({ length: 17 }, () => certificate(partsOf(good, "zone"))) } })],
		["with a field twice", { more: [["timestamp", 0]] }],
		["with too many fields", { more: Array.from({ length: 9 }, (_, index): [Cbor, Cbor] => [`f${index}`, null]) }],
		["with a key that is no text", { more: [[1, null]] }],
		["whose fields do not end", { payload: (payload) => payload.subarray(0, -1) }],
		["with a field less than it says", { payload: (payload) => concatBytes(new Uint8Array([0xaa]), payload.subarray(1, -1)) }],
		["with something behind its fields", { payload: (payload) => concatBytes(payload, new Uint8Array(1)) }],
		["with something behind it", { document: (document) => concatBytes(document, new Uint8Array(1)) }],
		["that is cut", { document: (document) => document.subarray(0, -1) }],
		["that is tagged", { document: (document) => concatBytes(new Uint8Array([0xd2]), document) }],
		["that is empty", { document: () => new Uint8Array(0) }],
		["that is too long", { unprotectedHeader: new Map([[1, new Uint8Array(16 << 10)]]) }],
		["without a key", { signingKey: new Uint8Array(0) }],
		["with a key that is too long", { signingKey: new Uint8Array((8 << 10) + 1) }],
		["without a certificate to bind", { tlsCertificate: new Uint8Array(0) }],
		["whose root is another", { root: () => pem(certificate({ ...partsOf(good, "root"), of: stranger, by: stranger })) }],
		["whose root has the name and not the key", { root: () => pem(certificate({ ...partsOf(good, "root"), of: { ...stranger, subject: "root" } })) }],
		["whose root is DER", { root: (der) => der }],
		["whose root is two", { root: (der) => concatBytes(pem(der), pem(der)) }],
		["whose root is no text", { root: () => new Uint8Array([0xff]) }],
		["whose root is Amazon's, which it is not under", { root: () => new Uint8Array(0) }],
		["whose root is too long", { root: (der) => concatBytes(pem(der), new Uint8Array(8 << 10).fill(10)) }],
		["whose leaf is of another curve", { certificates: { leaf: { of: p256 } }, by: { ...p256 } }],
		["whose leaf was issued under another name", { certificates: { leaf: { issuer: "stranger" } } }],
		["whose leaf another signed", { certificates: { leaf: { by: { ...stranger, subject: "zone" } } } }],
		["whose leaf is signed with SHA-256", { certificates: { leaf: { hash: "sha256" } } }],
		["whose leaf has a critical extension that is not known", { certificates: { leaf: { extensions: [extensions.unknown(true)] } } }],
		["whose leaf is for clients", { certificates: { leaf: { extensions: [extensions.forClients()] } } }],
		["whose leaf has an extension twice", { certificates: { leaf: { extensions: [extensions.forServers(), extensions.forServers()] } } }],
		["whose leaf is of version 1", { certificates: { leaf: { version: 1 } } }],
		["whose authority is none", { certificates: { zone: { extensions: [extensions.signsCertificates()] } } }],
		["whose authority says that it is none", { certificates: { zone: { extensions: [extensions.noAuthority()] } } }],
		["whose authority may not sign", { certificates: { zone: { extensions: [extensions.authority(), extensions.signsOther()] } } }],
		["whose authority is for clients", { certificates: { zone: { extensions: [extensions.authority(), extensions.forClients()] } } }],
		["whose authority has constrained names", { certificates: { zone: { extensions: [extensions.authority(), extensions.constrainsNames()] } } }],
		["whose authority another signed", { certificates: { zone: { by: { ...stranger, subject: "root" } } } }],
		["whose root allows no authority under it", { certificates: { root: { extensions: [extensions.authority(0)] } } }],
		["whose root may not sign", { certificates: { root: { extensions: [extensions.authority(), extensions.signsOther()] } } }],
	])("%s is false", (_, change) => {
		expect(verify(attest(good, typeof change === "function" ? change() : change))).toBe(false);
	});

	test("with registers beyond 64 bytes is valid, and has no hash", () => {
		const pcrs = new Map([0, 1, 2].map((index): [Cbor, Cbor] => [index, new Uint8Array(index === 1 ? 65 : 64)]));
		expect(verify(attest(good, { fields: { pcrs } }))).toBe(toHex(word(0)));
		const raw = [new Uint8Array(64), new Uint8Array(1), new Uint8Array(0)];
		expect(verify(attest(good, { fields: { pcrs: new Map(raw.map((value, index): [Cbor, Cbor] => [index, value])) } }))).toBe(
			toHex(keccak256(concatBytes(...raw))),
		);
		expect(REGISTERS_HASH).toBe(toHex(keccak256(concatBytes(...REGISTERS))));
	});

	test("costs 500,000 gas whatever it holds; arguments that are no encoding take all", () => {
		const cost = (data: Uint8Array): bigint => call(data).gasUsed - BigInt(21_000 + data.reduce((sum, byte) => sum + (byte === 0 ? 4 : 16), 0));
		expect(cost(encode(attest(good)))).toBe(PRICE);
		expect(cost(encode([new Uint8Array(1), new Uint8Array(1), new Uint8Array(1), new Uint8Array(1)]))).toBe(PRICE);
		const data = encode(attest(good));
		const intrinsic = BigInt(21_000 + data.reduce((sum, byte) => sum + (byte === 0 ? 4 : 16), 0));
		expect(call(data, NOW, intrinsic + PRICE - 1n).success).toBe(false);
		for (const broken of [selector, data.subarray(0, -32 * 20), concatBytes(selector, new Uint8Array(32).fill(0xff), new Uint8Array(96))]) {
			const { success, gasUsed } = call(broken, NOW, 5_000_000n);
			expect([success, gasUsed]).toEqual([false, 5_000_000n]);
		}
	});

	test("is refused in a call that gives value", () => {
		const paid = request(address(1), VERIFIER, { data: encode(attest(good)), value: 1n });
		expect(executed(bench({ balances: [{ address: address(1), balance: 1n }] }).machine.call(paid, environment(1n, { timestamp: BigInt(NOW) }))).success).toBe(
			false,
		);
	});

	test("nested ever deeper, or that claims more than it has, ends at once", () => {
		const endless = [0x81, 0x9f, 0xa1, 0xbf, 0xd8].map((byte) => new Uint8Array(16_000).fill(byte));
		const claims = ["9bffffffffffffffff", "bb7fffffffffffffff", "5bffffffffffffffff", "9b00000001ffffffff", "8440bbffffffffffffffff"].map((text) =>
			fromHex(`0x${text}`),
		);
		for (const document of [...endless, ...claims]) {
			expect(verify([document, new Uint8Array(1), new Uint8Array(1), new Uint8Array(0)])).toBe(false);
			expect(verify(attest(good, { payload: () => document }))).toBe(false);
			expect(verify(attest(good, { payload: (payload) => concatBytes(new Uint8Array([0xbf, 0x61, 0x78]), document, payload.subarray(1)) }))).toBe(false);
		}
	});

	test("with any byte changed is false, or says what it said; the same each time", () => {
		const seed = Number(process.env["FREEHOLD_FUZZ_SEED"] ?? 1);
		const random = new Random(seed);
		const given = attest(good);
		for (let round = 0; round < (DEEP ? 20_000 : 400); round++) {
			const part = random.below(4);
			const bytes = Uint8Array.from(given[part] as Uint8Array);
			for (let count = 0; count <= random.below(3); count++) bytes[random.below(bytes.length)] = random.below(256);
			const cut = random.below(8) === 0 ? bytes.subarray(0, random.below(bytes.length)) : bytes;
			const changed = given.map((other, index) => (index === part ? cut : other)) as unknown as AttestationArguments;
			const found = verify(changed);
			// What is not signed changes nothing: the text around the root, and what a certificate's signature leaves open.
			if (found !== false) expect(found, `seed ${seed}, round ${round}`).toBe(REGISTERS_HASH);
			if (part === 1 || part === 2) expect(found === false || Buffer.from(cut).equals(given[part] as Uint8Array)).toBe(true);
		}
	});
});

function sha(bytes: Uint8Array): Uint8Array {
	return createHash("sha256").update(bytes).digest();
}

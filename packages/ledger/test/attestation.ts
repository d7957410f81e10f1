/** Makes attestation documents as Nitro enclaves do, under a root of the test's own, with any part of them changed. */
import { createHash, createSign, generateKeyPairSync, type KeyObject, sign } from "node:crypto";

type Bytes = Uint8Array;
const join = (...parts: readonly Bytes[]): Buffer => Buffer.concat(parts);
const sha256 = (bytes: Bytes): Buffer => createHash("sha256").update(bytes).digest();

// DER (X.690)

function der(tag: number, ...parts: readonly Bytes[]): Buffer {
	const body = join(...parts);
	const { length } = body;
	const head = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
	return join(Buffer.from([tag, ...head]), body);
}

const hex = (text: string): Buffer => Buffer.from(text, "hex");
const SEQUENCE = 0x30;
const oid = {
	ecdsaSha384: hex("06082a8648ce3d040303"),
	ecdsaSha256: hex("06082a8648ce3d040302"),
	commonName: hex("0603550403"),
	basicConstraints: hex("0603551d13"),
	keyUsage: hex("0603551d0f"),
	extendedKeyUsage: hex("0603551d25"),
	nameConstraints: hex("0603551d1e"),
	unknown: hex("06032a0304"),
	serverAuth: hex("06082b06010505070301"),
	clientAuth: hex("06082b06010505070302"),
} as const;
const TRUE = hex("0101ff");

const name = (text: string): Buffer => der(SEQUENCE, der(0x31, der(SEQUENCE, oid.commonName, der(0x0c, Buffer.from(text)))));
const time = (seconds: number): Buffer => der(0x18, Buffer.from(`${new Date(seconds * 1000).toISOString().slice(0, 19).replace(/[-:T]/g, "")}Z`));
const extension = (id: Bytes, value: Bytes, isCritical = false): Buffer => der(SEQUENCE, id, ...(isCritical ? [TRUE] : []), der(0x04, value));

export const extensions = {
	authority: (pathLength?: number): Buffer =>
		extension(oid.basicConstraints, der(SEQUENCE, TRUE, ...(pathLength === undefined ? [] : [der(0x02, Buffer.from([pathLength]))])), true),
	noAuthority: (): Buffer => extension(oid.basicConstraints, der(SEQUENCE), true),
	signsCertificates: (): Buffer => extension(oid.keyUsage, hex("03020204"), true),
	signsOther: (): Buffer => extension(oid.keyUsage, hex("03020780"), true),
	forServers: (): Buffer => extension(oid.extendedKeyUsage, der(SEQUENCE, oid.serverAuth)),
	forClients: (): Buffer => extension(oid.extendedKeyUsage, der(SEQUENCE, oid.clientAuth)),
	constrainsNames: (): Buffer => extension(oid.nameConstraints, der(SEQUENCE)),
	unknown: (isCritical: boolean): Buffer => extension(oid.unknown, hex("0500"), isCritical),
} as const;

export interface Party {
	readonly subject: string;
	readonly privateKey: KeyObject;
	readonly publicKey: KeyObject;
}

export function party(subject: string, namedCurve = "P-384"): Party {
	return { subject, ...generateKeyPairSync("ec", { namedCurve }) };
}

export interface CertificateParts {
	readonly of: Party;
	readonly by: Party;
	/** Unix seconds. */
	readonly from: number;
	readonly until: number;
	readonly extensions: readonly Bytes[];
	readonly issuer?: string;
	readonly hash?: "sha384" | "sha256";
	readonly version?: 1 | 3;
}

export function certificate({ of, by, from, until, extensions: list, issuer = by.subject, hash = "sha384", version = 3 }: CertificateParts): Buffer {
	const algorithm = der(SEQUENCE, hash === "sha384" ? oid.ecdsaSha384 : oid.ecdsaSha256);
	const body = der(
		SEQUENCE,
		...(version === 3 ? [hex("a003020102")] : []),
		der(0x02, Buffer.from([7])),
		algorithm,
		name(issuer),
		der(SEQUENCE, time(from), time(until)),
		name(of.subject),
		of.publicKey.export({ type: "spki", format: "der" }),
		...(version === 3 ? [der(0xa3, der(SEQUENCE, ...list))] : []),
	);
	return der(SEQUENCE, body, algorithm, der(0x03, Buffer.from([0]), createSign(hash).update(body).sign(by.privateKey)));
}

export const pem = (bytes: Bytes): Buffer =>
	Buffer.from(
		`-----BEGIN CERTIFICATE-----\n${Buffer.from(bytes)
			.toString("base64")
			.replace(/(.{64})/g, "$1\n")}\n-----END CERTIFICATE-----\n`,
	);

// CBOR (RFC 8949)

export type Cbor = number | bigint | string | Bytes | null | readonly Cbor[] | ReadonlyMap<Cbor, Cbor>;

function head(kind: number, count: number | bigint): Buffer {
	const value = BigInt(count);
	const width = value < 24n ? 0 : value < 256n ? 1 : value < 65_536n ? 2 : value < 2n ** 32n ? 4 : 8;
	if (width === 0) return Buffer.from([(kind << 5) | Number(value)]);
	return join(Buffer.from([(kind << 5) | (24 + Math.log2(width))]), hex(value.toString(16).padStart(2 * width, "0")));
}

export function cbor(value: Cbor): Buffer {
	if (value === null) return Buffer.from([0xf6]);
	if (typeof value === "string") return join(head(3, Buffer.byteLength(value)), Buffer.from(value));
	if (typeof value === "number" || typeof value === "bigint") return value < 0 ? head(1, -1n - BigInt(value)) : head(0, value);
	if (value instanceof Uint8Array) return join(head(2, value.length), value);
	if (value instanceof Map) return join(head(5, value.size), ...[...value].flatMap(([key, item]) => [cbor(key), cbor(item)]));
	return join(head(4, (value as readonly Cbor[]).length), ...(value as readonly Cbor[]).map(cbor));
}

/** An enclave: its keys, and the certificates from the root down, as Nitro's have them. */
export interface Enclave {
	readonly root: Party;
	readonly zone: Party;
	readonly leaf: Party;
	readonly signingKey: Bytes;
	readonly tlsCertificate: Bytes;
	/** Unix seconds. */
	readonly now: number;
}

export function enclave(now: number): Enclave {
	const machine = party("machine");
	return {
		root: party("root"),
		zone: party("zone"),
		leaf: party("enclave"),
		signingKey: generateKeyPairSync("rsa", { modulusLength: 2_048 }).publicKey.export({ type: "spki", format: "der" }),
		tlsCertificate: certificate({ of: machine, by: machine, from: now - 60, until: now + 60, extensions: [] }),
		now,
	};
}

export type CertificateName = "root" | "zone" | "leaf";
export const HOUR = 3_600;

/** The parts of a certificate of this enclave, before they are put together. */
export function partsOf({ root, zone, leaf, now }: Enclave, which: CertificateName): CertificateParts {
	const span = { from: now - HOUR, until: now + HOUR };
	if (which === "root") return { of: root, by: root, ...span, extensions: [extensions.authority(), extensions.signsCertificates()] };
	if (which === "zone") return { of: zone, by: root, ...span, extensions: [extensions.authority(0), extensions.signsCertificates()] };
	return { of: leaf, by: zone, ...span, extensions: [extensions.noAuthority(), extensions.signsOther()] };
}

export interface DocumentChange {
	readonly certificates?: Partial<Record<CertificateName, Partial<CertificateParts>>>;
	/** Fields of the payload that are others; undefined leaves one out. */
	readonly fields?: Readonly<Record<string, Cbor | undefined>>;
	/** More entries of the payload, behind its own. */
	readonly more?: readonly (readonly [Cbor, Cbor])[];
	readonly protectedHeader?: Bytes;
	readonly unprotectedHeader?: Cbor;
	readonly payload?: (payload: Bytes) => Bytes;
	readonly signature?: (signature: Bytes) => Bytes;
	readonly by?: Party;
	readonly document?: (document: Bytes) => Bytes;
	/** In the place of the root certificate's text. */
	readonly root?: (der: Bytes) => Bytes;
	readonly signingKey?: Bytes;
	readonly tlsCertificate?: Bytes;
}

/** What `verifyAttestation` takes. */
export type AttestationArguments = readonly [document: Bytes, signingKey: Bytes, tlsCertificate: Bytes, root: Bytes];

export const REGISTERS = [0xaa, 0xbb, 0xcc].map((byte) => new Uint8Array(48).fill(byte));

export function attest(of: Enclave, change: DocumentChange = {}): AttestationArguments {
	const made = (which: CertificateName): Buffer => certificate({ ...partsOf(of, which), ...change.certificates?.[which] });
	const root = made("root");
	const prefix = hex("1220");
	const fields: Record<string, Cbor | undefined> = {
		module_id: "i-0123456789abcdef0-enc0123456789abcdef",
		digest: "SHA384",
		timestamp: BigInt(of.now) * 1_000n + 250n,
		pcrs: new Map(Array.from({ length: 16 }, (_, index): [Cbor, Cbor] => [index, REGISTERS[index] ?? new Uint8Array(48)])),
		certificate: made("leaf"),
		cabundle: [root, made("zone")],
		public_key: Buffer.from("dummy"),
		user_data: join(prefix, sha256(of.tlsCertificate), prefix, sha256(of.signingKey)),
		nonce: null,
		...change.fields,
	};
	const entries = Object.entries(fields).filter((entry): entry is [string, Cbor] => entry[1] !== undefined);
	// As Nitro's library writes it: a map that ends with a mark.
	const listed = join(hex("bf"), ...[...entries, ...(change.more ?? [])].flat().map(cbor), hex("ff"));
	const payload = change.payload?.(listed) ?? listed;
	const header = change.protectedHeader ?? cbor(new Map([[1, -35]]));
	const message = cbor(["Signature1", header, new Uint8Array(0), payload]);
	const signature = sign("sha384", message, { key: (change.by ?? of.leaf).privateKey, dsaEncoding: "ieee-p1363" });
	const document = cbor([header, change.unprotectedHeader ?? new Map(), payload, change.signature?.(signature) ?? signature]);
	return [change.document?.(document) ?? document, change.signingKey ?? of.signingKey, change.tlsCertificate ?? of.tlsCertificate, (change.root ?? pem)(root)];
}

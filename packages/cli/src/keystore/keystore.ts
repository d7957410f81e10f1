/**
 * Keys at rest: Web3 Secret Storage version 3 (scrypt, AES-128-CTR, Keccak-256 MAC), one file an account, mode 0600.
 * The format is the one that wallets import and export, so that nobody's key is held here.
 */
import { createCipheriv, createDecipheriv, randomBytes, randomUUID, scrypt } from "node:crypto";
import { mkdir, readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { concatBytes, defaultHashes, equalBytes, FreeholdError, type Hex, shape } from "@freehold/protocol";
import { atomicWriteFile } from "@freehold/service";

/** scrypt's cost: 128 MiB and about half a second. */
const COST = { n: 131_072, r: 8, p: 1, dklen: 32 } as const;
const MAX_MEMORY_BYTES = 1024 ** 3;
const NAME = /^[a-z0-9][a-z0-9-]{0,62}$/;

const bareHex = (bytes: number): shape.Shape<Uint8Array> => ({
	read: (value, path) => {
		if (typeof value !== "string" || value.length !== 2 * bytes || !/^[0-9a-fA-F]*$/.test(value))
			throw new SyntaxError(`${path} must be ${bytes} bytes of hex`);
		return Uint8Array.from(Buffer.from(value, "hex"));
	},
	write: (value) => Buffer.from(value).toString("hex"),
});

const fileShape = shape.object({
	version: shape.literal(3),
	id: shape.text(64),
	address: bareHex(20),
	crypto: shape.object({
		cipher: shape.literal("aes-128-ctr"),
		ciphertext: bareHex(32),
		cipherparams: shape.object({ iv: bareHex(16) }),
		kdf: shape.literal("scrypt"),
		kdfparams: shape.object({
			n: shape.integer(2, 2 ** 20),
			r: shape.integer(1, 32),
			p: shape.integer(1, 16),
			dklen: shape.literal(32),
			salt: bareHex(32),
		}),
		mac: bareHex(32),
	}),
});

export interface KeystoreEntry {
	readonly name: string;
	readonly address: Hex;
}

export class Keystore {
	readonly #folder: string;

	/** `home` is `FREEHOLD_HOME`. */
	constructor(home: string) {
		this.#folder = join(home, "keystore");
	}

	async list(): Promise<readonly KeystoreEntry[]> {
		const names = await readdir(this.#folder).catch(() => []);
		const entries: KeystoreEntry[] = [];
		for (const file of names.sort()) {
			if (!file.endsWith(".json")) continue;
			const name = file.slice(0, -".json".length);
			entries.push({ name, address: addressOf((await this.#read(name)).address) });
		}
		return entries;
	}

	async has(name: string): Promise<boolean> {
		return stat(this.#path(name)).then(
			() => true,
			() => false,
		);
	}

	async address(name: string): Promise<Hex> {
		return addressOf((await this.#read(name)).address);
	}

	/** Encrypts and stores a key under a new name. Throws `request.invalid` when the name is taken. */
	async add(name: string, privateKey: Uint8Array, address: Hex, passphrase: string): Promise<void> {
		if (!NAME.test(name)) throw new FreeholdError("request.invalid", { field: "name", reason: "use lower-case letters, digits and hyphens" });
		if (await this.has(name)) throw new FreeholdError("request.invalid", { field: "name", reason: `there is an account ${name} already` });
		await mkdir(this.#folder, { recursive: true, mode: 0o700 });
		await atomicWriteFile(this.#path(name), await encryptKey(privateKey, address, passphrase), 0o600);
	}

	/** Stores a keystore file under a new name as it is; it keeps its passphrase. Throws `request.invalid` for a name that is taken, or a file that is none. */
	async take(name: string, text: string): Promise<void> {
		if (!NAME.test(name)) throw new FreeholdError("request.invalid", { field: "name", reason: "use lower-case letters, digits and hyphens" });
		if (await this.has(name)) throw new FreeholdError("request.invalid", { field: "name", reason: `there is an account ${name} already` });
		readFileShape(text);
		await mkdir(this.#folder, { recursive: true, mode: 0o700 });
		await atomicWriteFile(this.#path(name), text, 0o600);
	}

	async open(name: string, passphrase: string): Promise<Uint8Array> {
		return decryptKey(await this.#text(name), passphrase, name);
	}

	/** The encrypted file as it is, for taking elsewhere. */
	async export(name: string): Promise<string> {
		return this.#text(name);
	}

	#path(name: string): string {
		if (!NAME.test(name)) throw new FreeholdError("account.notFound", { account: name });
		return join(this.#folder, `${name}.json`);
	}

	async #text(name: string): Promise<string> {
		return readFile(this.#path(name), "utf8").catch(() => {
			throw new FreeholdError("account.notFound", { account: name });
		});
	}

	async #read(name: string): Promise<shape.ShapeOf<typeof fileShape>> {
		return readFileShape(await this.#text(name));
	}
}

/** Keystore file of a key, as text. */
export async function encryptKey(privateKey: Uint8Array, address: Hex, passphrase: string): Promise<string> {
	const salt = Uint8Array.from(randomBytes(32));
	const iv = Uint8Array.from(randomBytes(16));
	const derived = await derive(passphrase, salt, COST);
	const cipher = createCipheriv("aes-128-ctr", derived.subarray(0, 16), iv);
	const ciphertext = concatBytes(cipher.update(privateKey), cipher.final());
	const file = fileShape.write({
		version: 3,
		id: randomUUID(),
		address: Uint8Array.from(Buffer.from(address.slice(2), "hex")),
		crypto: {
			cipher: "aes-128-ctr",
			ciphertext,
			cipherparams: { iv },
			kdf: "scrypt",
			kdfparams: { ...COST, salt },
			mac: defaultHashes.keccak256(concatBytes(derived.subarray(16, 32), ciphertext)),
		},
	});
	return `${JSON.stringify(file, null, 2)}\n`;
}

/** Key of a keystore file. Throws `account.locked` on a wrong passphrase. */
export async function decryptKey(text: string, passphrase: string, name: string): Promise<Uint8Array> {
	const { crypto } = readFileShape(text);
	const derived = await derive(passphrase, crypto.kdfparams.salt, crypto.kdfparams);
	const mac = defaultHashes.keccak256(concatBytes(derived.subarray(16, 32), crypto.ciphertext));
	if (!equalBytes(mac, crypto.mac)) throw new FreeholdError("account.locked", { account: name });
	const decipher = createDecipheriv("aes-128-ctr", derived.subarray(0, 16), crypto.cipherparams.iv);
	return concatBytes(decipher.update(crypto.ciphertext), decipher.final());
}

/** Other wallets write members of their own beside the standard's, and some spell `crypto` with a capital: both are read. */
function readFileShape(text: string): shape.ShapeOf<typeof fileShape> {
	try {
		const file = JSON.parse(text) as Readonly<Record<string, unknown>>;
		const { version, id, address } = file;
		return fileShape.read({ version, id, address, crypto: file["crypto"] ?? file["Crypto"] }, "keystore");
	} catch (error) {
		throw new FreeholdError("request.invalid", { field: "keystore", reason: error instanceof Error ? error.message : "not JSON" });
	}
}

function derive(passphrase: string, salt: Uint8Array, cost: { readonly n: number; readonly r: number; readonly p: number }): Promise<Uint8Array> {
	return new Promise((resolve, reject) => {
		scrypt(passphrase.normalize("NFKC"), salt, 32, { N: cost.n, r: cost.r, p: cost.p, maxmem: MAX_MEMORY_BYTES }, (error, key) =>
			error === null ? resolve(Uint8Array.from(key)) : reject(error),
		);
	});
}

function addressOf(bytes: Uint8Array): Hex {
	return `0x${Buffer.from(bytes).toString("hex")}`;
}

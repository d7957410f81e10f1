/**
 * The key that signs for an operator. Its file may be replaced while the program runs: the new key takes over as soon as the registry knows it, and the old one
 * signs until then, so that no answer is signed by a key that nobody can check.
 */
import { FreeholdError, type Hex } from "@freehold/protocol";
import { pause } from "../net/pause.js";
import { readKeyFile } from "./key-file.js";
import { createDigestSigner, type DigestSigner } from "./native.js";

export interface OperatorKeyModules {
	readonly file: string;
	/** Whether the registry has the key as one of the operator's now. */
	readonly isValid: (key: Hex) => boolean;
	readonly onChange: (key: Hex) => void;
	/** `file` need not be there: until it is, the first key signs. */
	readonly optional?: true;
	/** The file is there no more, or holds no key. */
	readonly onUnreadable: (error: unknown) => void;
}

const LOOK_MS = 1_000;

export class OperatorKey implements DigestSigner {
	readonly #modules: OperatorKeyModules;
	#signer: DigestSigner;
	#broken = false;

	constructor(signer: DigestSigner, modules: OperatorKeyModules) {
		this.#signer = signer;
		this.#modules = modules;
	}

	/** Of the key that signs now. */
	get address(): Hex {
		return this.#signer.address;
	}

	signDigest(digest: Uint8Array): Uint8Array {
		return this.#signer.signDigest(digest);
	}

	/** Takes over the key that the file holds, once it is valid. */
	async look(): Promise<void> {
		const { file, optional, isValid, onChange, onUnreadable } = this.#modules;
		try {
			const next = createDigestSigner(await readKeyFile(file));
			this.#broken = false;
			if (next.address === this.#signer.address || !isValid(next.address)) return;
			this.#signer = next;
			onChange(next.address);
		} catch (error) {
			if (!(error instanceof FreeholdError)) throw error;
			if (optional === true && isMissing(error.cause)) return;
			if (!this.#broken) onUnreadable(error);
			this.#broken = true;
		}
	}

	async watch(signal: AbortSignal): Promise<void> {
		while (!signal.aborted) {
			await this.look();
			await pause(LOOK_MS, signal).catch(() => undefined);
		}
	}
}

function isMissing(cause: unknown): boolean {
	return cause instanceof Error && "code" in cause && cause.code === "ENOENT";
}

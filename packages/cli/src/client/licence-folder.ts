/** Licences that an account has accepted: one small file each beside the keys, with the signature, so that it is asked once and can be shown later. */
import { mkdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { FreeholdError, type Hex, isAcceptedBy, isHex } from "@freehold/protocol";
import type { AcceptedLicence, Freehold } from "@freehold/sdk";
import { atomicWriteFile, nativeCrypto } from "@freehold/service";
import type { CommandContext } from "../context.js";
import { confirm } from "../input/prompt.js";
import { homeOf, type Member } from "./connect.js";

/** The account's acceptance of a model's licence: from the folder, or asked for now. Throws `licence.declined`. */
export async function agreeToLicence(context: CommandContext, { freehold, network, address }: Member, model: string): Promise<AcceptedLicence> {
	const { release } = await freehold.quote(model, { signal: context.signal });
	const path = pathOf(context, { network, address }, release);
	const known = await read(path, network.chainId, release, address);
	if (known !== undefined) return known;
	const accepted = await ask(context, freehold, model, release);
	await mkdir(dirname(path), { recursive: true, mode: 0o700 });
	await atomicWriteFile(path, `${JSON.stringify({ version: 1, chainId: network.chainId, ...accepted, acceptedAt: Date.now() }, undefined, 2)}\n`, 0o600);
	return accepted;
}

/** For programs that nobody can be asked in: what was accepted before, as far as a model demands it. */
export class KnownLicences {
	readonly #context: Pick<CommandContext, "env">;
	readonly #member: Member;
	readonly #known = new Map<string, AcceptedLicence>();

	constructor(context: Pick<CommandContext, "env">, member: Member) {
		this.#context = context;
		this.#member = member;
	}

	/** Asks; and once more with the acceptance, where the model's owner demands one and it is at hand. Throws what `ask` throws. */
	async with<T>(model: string, ask: (licence: AcceptedLicence | undefined) => Promise<T>, signal: AbortSignal): Promise<T> {
		const before = this.#known.get(model);
		try {
			return await ask(before);
		} catch (error) {
			// Never accepted so far, or a newer release with another text: nothing was run or charged.
			const unlicensed = error instanceof FreeholdError && (error.code === "licence.required" || (before !== undefined && error.code === "request.invalid"));
			const found = unlicensed ? await this.#find(model, signal) : undefined;
			if (found === undefined || found.signature === before?.signature) throw error;
			this.#known.set(model, found);
			return ask(found);
		}
	}

	async #find(model: string, signal: AbortSignal): Promise<AcceptedLicence | undefined> {
		const { freehold, network, address } = this.#member;
		const { release } = await freehold.quote(model, { signal });
		return read(pathOf(this.#context, this.#member, release), network.chainId, release, address);
	}
}

function pathOf({ env }: Pick<CommandContext, "env">, { network, address }: Pick<Member, "network" | "address">, release: Hex): string {
	return join(homeOf(env), "licences", String(network.chainId), address, `${release}.json`);
}

async function ask(context: CommandContext, freehold: Freehold, model: string, release: Hex): Promise<AcceptedLicence> {
	const licence = await freehold.licences.show(release, { signal: context.signal });
	context.output.note(`${model} is under ${licence.licence}:\n\n${licence.text.trimEnd()}\n`);
	if (!context.yes && !(await confirm("Do you accept this licence?", context.signal)))
		throw new FreeholdError("licence.declined", { model, licence: licence.licence });
	return freehold.licences.accept(licence);
}

/** Undefined when it is not there, or is not what the account signed. */
async function read(path: string, chainId: number, release: Hex, payer: Hex): Promise<AcceptedLicence | undefined> {
	const text = await readFile(path, "utf8").catch(() => undefined);
	if (text === undefined) return undefined;
	try {
		const { licence, text: digest, signature } = JSON.parse(text) as Readonly<Record<string, unknown>>;
		if (typeof licence !== "string" || !isHex(digest, 32) || !isHex(signature, 65)) return undefined;
		return isAcceptedBy({ release, text: digest, payer }, signature, chainId, nativeCrypto) ? { release, licence, text: digest, payer, signature } : undefined;
	} catch {
		return undefined;
	}
}

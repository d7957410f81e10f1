/** The account's acceptance of a model's licence: shown and signed before the first paid call, then kept in this browser and taken along with each call. */
import { FreeholdError, type Hex, isAcceptedBy, isHex } from "@freehold/protocol";
import type { AcceptedLicence, Freehold } from "@freehold/sdk";
import type { QueryClient } from "@tanstack/react-query";
import { quoteQuery } from "../network/queries.js";
import { keepShown } from "./shown.js";

/** Throws `Declined`, and what keeps the text from being shown. */
export async function agreedLicence(client: QueryClient, freehold: Freehold, model: string): Promise<AcceptedLicence> {
	const { release } = await client.fetchQuery(quoteQuery(model));
	const { network, crypto } = freehold.client;
	const payer = freehold.client.account().address.toLowerCase() as Hex;
	const name = `freehold.licence.${network.chainId}.${payer}.${release}`;
	const kept = read(localStorage.getItem(name), release, payer);
	if (kept !== undefined && isAcceptedBy({ release, text: kept.text, payer }, kept.signature, network.chainId, crypto)) return kept;
	const licence = await freehold.licences.show(release);
	// A release published meanwhile is another's business.
	if (licence.release !== release) throw new FreeholdError("model.notFound", { model });
	keepShown(release, { model, licence: licence.licence, text: licence.text });
	const accepted = await freehold.licences.accept(licence);
	localStorage.setItem(name, JSON.stringify(accepted));
	return accepted;
}

function read(text: string | null, release: Hex, payer: Hex): AcceptedLicence | undefined {
	try {
		const { licence, text: digest, signature } = JSON.parse(text ?? "") as Readonly<Record<string, unknown>>;
		return typeof licence === "string" && isHex(digest, 32) && isHex(signature, 65) ? { release, licence, text: digest, payer, signature } : undefined;
	} catch {
		return undefined;
	}
}

/** Licences that the owner of an API key accepted for it: whoever holds the key cannot accept anything, so they are kept with it. */
import { type AcceptedLicenceBody, FreeholdError, type Hex, isHex, limits } from "@freehold/protocol";
import { type Handler, jsonResponse } from "@freehold/service";
import { checkAcceptance } from "../inference/licence.js";
import type { KeyRecord, SignedLicence } from "../store/tables.js";
import { checkAlive, keyBody } from "./key-book.js";
import type { KeyPageModules } from "./key-pages.js";
import { changeKey } from "./key-payments.js";

const MAX_BODY = 128 * 1024;

/** `POST /v1/keys/{id}/licences`: whoever brings the owner's signatures may. */
export function acceptLicencesPage(modules: KeyPageModules): Handler {
	return async (request) => {
		const { keys, keyPayments, store, events, now } = modules;
		const { id, owner } = checkAlive(keys.named(request.params["key"]), now());
		const body = await request.json(MAX_BODY);
		const given = readLicences(typeof body === "object" && body !== null ? (body as Readonly<Record<string, unknown>>)["licences"] : undefined);
		const accepted = await checkLicences(given, owner, modules);
		const changed = await changeKey(store, keys, id, (record) => ({ ...record, licences: together(record.licences, accepted) }));
		events.licencesAccepted(id, owner, Object.keys(accepted));
		return jsonResponse(keyBody(changed, keyPayments.lane(changed.channelId), now()));
	};
}

/** Throws `request.invalid`. */
export function readLicences(value: unknown): readonly AcceptedLicenceBody[] {
	if (!Array.isArray(value) || value.length > limits.keyLicences) throw invalid("licences", `must be a list of at most ${limits.keyLicences}`);
	return value.map((item: unknown, index) => {
		const { release, text, signature } = (typeof item === "object" && item !== null ? item : {}) as Readonly<Record<string, unknown>>;
		if (!isHex(release, 32) || !isHex(text, 32)) throw invalid(`licences[${index}]`, "must name release and text by 32 bytes of lower-case 0x hex");
		if (!isHex(signature, 65)) throw invalid(`licences[${index}].signature`, "must be 65 bytes of lower-case 0x hex");
		return { release, text, signature };
	});
}

/** Each is for the text of its release and signed by the owner. Throws `request.invalid`, `model.notFound`. */
export async function checkLicences(
	given: readonly AcceptedLicenceBody[],
	owner: Hex,
	{ catalogue, manifests, chainId }: Pick<KeyPageModules, "catalogue" | "manifests" | "chainId">,
): Promise<Readonly<Record<Hex, SignedLicence>>> {
	const accepted: Record<Hex, SignedLicence> = {};
	for (const [index, { release, text, signature }] of given.entries()) {
		const record = catalogue.release(release);
		if (record === undefined) throw new FreeholdError("model.notFound", { model: release, field: `licences[${index}]` });
		checkAcceptance({ release, text, payer: owner, signature }, await manifests.get(record.manifest), chainId, `licences[${index}]`);
		accepted[release] = { text, signature };
	}
	return accepted;
}

function together(before: KeyRecord["licences"] = {}, added: Readonly<Record<Hex, SignedLicence>>): Readonly<Record<Hex, SignedLicence>> {
	const all = { ...before, ...added };
	if (Object.keys(all).length > limits.keyLicences) throw invalid("licences", `a key keeps at most ${limits.keyLicences}`);
	return all;
}

function invalid(field: string, reason: string): FreeholdError {
	return new FreeholdError("request.invalid", { field, reason });
}

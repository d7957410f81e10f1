/** API keys, and the licences that payers accept. */
import type { Hex } from "../../bytes/bytes.js";
import type { Decimal } from "./values.js";

/** What an owner signs about an API key (EIP-712 `KeyRequest`, see `keyRequestTypes`): canonical JSON in `terms`. */
export interface KeyTerms {
	/** SHA-256 of the key's text: the key's id. The key itself never reaches the owner's signature. */
	readonly key: Hex;
	/** For people: `laptop`. */
	readonly name: string;
	readonly budget: Decimal;
	/** Most at one day (UTC). */
	readonly daily?: Decimal;
	/** Names (`namespace/name`) or releases that it may ask; all when absent. */
	readonly models?: readonly string[];
	/** Unix milliseconds. */
	readonly expiresAt?: number;
	/** The lane that backs it. */
	readonly channelId: Hex;
}

/** A licence that the payer accepted: the text's SHA-256, and the signature over it (`LicenceAcceptance`). */
export interface AcceptedLicenceBody {
	readonly release: Hex;
	readonly text: Hex;
	readonly signature: Hex;
}

/** `POST /v1/keys/{id}/licences`: each is signed by the key's owner. */
export interface AcceptLicencesBody {
	readonly licences: readonly AcceptedLicenceBody[];
}

/** `POST /v1/keys`. Without a payment the answer is 402 with the terms of `tranche`. */
export interface CreateKeyBody {
	readonly terms: KeyTerms;
	readonly owner: Hex;
	readonly issuedAt: number;
	readonly signature: Hex;
	/** What the first voucher adds to what the lane was charged. */
	readonly tranche: Decimal;
	/** Licences of the models that it is for. */
	readonly licences?: readonly AcceptedLicenceBody[];
}

/** `POST /v1/keys/{id}/refill`: a voucher of the lane, higher than the last; a deposit, where the lane needs one, was made before. */
export interface RefillKeyBody {
	readonly maxClaimableAmount: Decimal;
	readonly signature: Hex;
}

/** `POST /v1/keys/{id}/revoke` and `POST /v1/keys/list`. */
export interface OwnKeysBody {
	readonly owner: Hex;
	readonly issuedAt: number;
	readonly signature: Hex;
}

export interface KeyBody {
	readonly id: Hex;
	readonly name: string;
	readonly owner: Hex;
	readonly state: "active" | "revoked" | "expired";
	readonly budget: Decimal;
	readonly spent: Decimal;
	readonly daily?: Decimal;
	/** Today (UTC). */
	readonly spentToday: Decimal;
	readonly models?: readonly string[];
	/** Releases whose licence the owner accepted for it. */
	readonly licences: readonly Hex[];
	readonly createdAt: number;
	readonly expiresAt?: number;
	readonly lastUsedAt?: number;
	readonly calls: number;
	readonly channelId: Hex;
	/** Charged on the lane in all, and most that the gateway may charge there: the difference is what the owner risks now. */
	readonly charged: Decimal;
	readonly signed: Decimal;
}

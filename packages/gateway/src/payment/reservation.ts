/** A payment that was found good for one call and is held for it. Spending it and recording the call are one transaction. */

import type { PaymentReason, SettleResponse } from "@freehold/payments";
import type { Hex } from "@freehold/protocol";
import type { BatchChannelRecord } from "../anchoring/batch-log.js";
import type { PaymentLink, RefundRecord, Writer } from "../store/tables.js";

export interface Reservation {
	readonly payer: Hex;
	/** Most that the call may be charged. */
	readonly allowed: bigint;
	/** Names the payment in the call's id. */
	readonly reference: Hex;
	readonly link: PaymentLink;
	/** What spending `charge` of it adds to the batch; inside the transaction that records the call. */
	spend(charge: bigint, writer: Writer): Spending;
	/** The call failed: nothing is charged. Gives what the client should be told of its payment, where there is something to tell. */
	abandon(): Promise<SettleResponse | undefined>;
}

export interface Spending {
	readonly channel: BatchChannelRecord | undefined;
	readonly refund: RefundRecord | undefined;
	/** Inside the transaction that records the call. */
	write(writer: Writer): void;
	/** After it is durable: gives the payment free and says what was charged, where its scheme has words for it. */
	finish(): SettleResponse | undefined;
}

export interface Refusal {
	readonly reason: PaymentReason | string;
	/** The client's channel, when its view of it has to be corrected. */
	readonly channelId?: Hex;
}

export type Acceptance = { readonly reservation: Reservation } | { readonly refused: Refusal };

export const refused = (reason: PaymentReason | string, channelId?: Hex): Acceptance => ({
	refused: { reason, ...(channelId === undefined ? {} : { channelId }) },
});

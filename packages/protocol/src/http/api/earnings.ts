/** What an owner earned. */
import type { Hex } from "../../bytes/bytes.js";
import type { Decimal } from "./values.js";

/** `GET /v1/earnings/{address}` */
export interface EarningsBody {
	readonly address: Hex;
	/** What `Royalties.claim` would pay now. */
	readonly claimable: Decimal;
	/** Booked to releases of this owner and not yet moved by `flow`. */
	readonly upstream: Decimal;
	readonly claimed: Decimal;
	readonly byModel: readonly {
		readonly model: string;
		readonly calls: number;
		readonly gross: Decimal;
		readonly net: Decimal;
		readonly direct: Decimal;
		readonly fromDescendants: Decimal;
	}[];
	/** Credits by release and day (UTC), newest first. */
	readonly byDay?: readonly {
		readonly day: string;
		readonly release: Hex;
		/** `namespace/name@major.minor`. */
		readonly model: string;
		readonly direct: Decimal;
		readonly fromDescendants: Decimal;
	}[];
	/** True when the index agrees with the chain to the unit at `height`. */
	readonly reconciled: boolean;
	readonly height: number;
}

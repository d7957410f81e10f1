/** Every step between two durable effects of a gateway, in the order of a call's life. A test may end the process at each. */
export const gatewayCrashPoints = [
	// Joining: the bond, the registry and the till are three transactions.
	"bond-approved",
	"gateway-registered",
	"till-opened",
	// Any transaction: its bytes are on disk and not sent; it is in a block and not noted as such.
	"transaction-signed",
	"transaction-included",
	// What the chain says, and the cursor.
	"chain-block-taken",
	// Payments.
	"deposit-settled",
	"deposit-recorded",
	"exact-intended",
	"exact-settled",
	"exact-recorded",
	"exact-refunded",
	// The call.
	"order-stored",
	"order-answered",
	"order-forgotten",
	"order-abandoned",
	"call-recording",
	"call-recorded",
	// Orders that were given up and answered all the same.
	"orphan-covered",
	"orphan-recorded",
	// The batch.
	"batch-sealed",
	"batch-data-stored",
	"batch-data-recorded",
	"batch-covered",
	"batch-anchored",
	"batch-anchor-recorded",
	"royalties-flowed",
	"royalties-recorded",
	"batch-proved",
	"batch-final",
	// Leaving, and money for trying.
	"channel-refunded",
	"faucet-reserved",
	"faucet-given",
] as const;

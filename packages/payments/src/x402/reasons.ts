/** Reasons of refusals as x402 clients read them. */

const batch = <const T extends string>(reason: T): `invalid_batch_settlement_evm_${T}` => `invalid_batch_settlement_evm_${reason}`;

/** Of the `batch-settlement` scheme. */
export const batchReasons = {
	payload: batch("payload_type"),
	scheme: batch("scheme"),
	network: batch("network_mismatch"),
	channelId: batch("channel_id_mismatch"),
	receiver: batch("receiver_mismatch"),
	receiverAuthorizer: batch("receiver_authorizer_mismatch"),
	token: batch("token_mismatch"),
	withdrawDelay: batch("withdraw_delay_mismatch"),
	withdrawDelayRange: batch("withdraw_delay_out_of_range"),
	payerAuthorizer: batch("authorizer_not_configured"),
	signature: batch("voucher_signature"),
	cumulative: batch("cumulative_amount_mismatch"),
	belowClaimed: batch("cumulative_below_claimed"),
	exceedsBalance: batch("cumulative_exceeds_balance"),
	busy: batch("channel_busy"),
	missing: batch("missing_channel"),
	minDeposit: batch("deposit_below_min_deposit"),
	depositAuthorization: batch("receive_authorization_signature"),
	depositMethod: batch("erc3009_authorization_required"),
	depositExpired: batch("payload_authorization_valid_before"),
	depositNotYet: batch("payload_authorization_valid_after"),
	depositFailed: batch("deposit_transaction_failed"),
	depositSimulation: batch("deposit_simulation_failed"),
	insufficientBalance: batch("insufficient_balance"),
	permit2Spender: batch("permit2_invalid_spender"),
	permit2Amount: batch("permit2_amount_mismatch"),
	permit2Deadline: batch("permit2_deadline_expired"),
	stateUnavailable: batch("verification_state_unavailable"),
	refundNothing: batch("refund_no_balance"),
	refundAmount: batch("refund_amount_invalid"),
	refundFailed: batch("refund_transaction_failed"),
} as const;

/** Of the `exact` scheme. */
export const exactReasons = {
	payload: "invalid_payload",
	scheme: "unsupported_scheme",
	network: "invalid_network",
	signature: "invalid_exact_evm_payload_signature",
	recipient: "invalid_exact_evm_payload_recipient_mismatch",
	amount: "invalid_exact_evm_payload_authorization_value",
	expired: "invalid_exact_evm_payload_authorization_valid_before",
	notYet: "invalid_exact_evm_payload_authorization_valid_after",
	used: "invalid_exact_evm_nonce_already_used",
	failed: "invalid_exact_evm_transaction_failed",
	insufficientFunds: "insufficient_funds",
	version: "invalid_x402_version",
	requirements: "invalid_payment_requirements",
} as const;

export type PaymentReason = (typeof batchReasons)[keyof typeof batchReasons] | (typeof exactReasons)[keyof typeof exactReasons];

// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice Who pays whom, by which keys and with which notice. Its EIP-712 digest is the channel's id.
struct ChannelConfig {
    address payer;
    address payerAuthorizer;
    address receiver;
    address receiverAuthorizer;
    address token;
    uint40 withdrawDelay;
    bytes32 salt;
}

struct Voucher {
    ChannelConfig channel;
    uint128 maxClaimableAmount;
}

/// @notice A voucher with its signature and the total that the receiver claims of it; totals are cumulative.
struct VoucherClaim {
    Voucher voucher;
    bytes signature;
    uint128 totalClaimed;
}

/// @notice The part of the channels that `UsageLedger` uses.
interface IChannels {
    function claimWithSignature(VoucherClaim[] calldata voucherClaims, bytes calldata authorizerSignature) external;

    function settle(address receiver, address token) external;
}

/// @notice Brings a deposit from the payer to the caller.
interface IDepositCollector {
    /// @notice Moves exactly `amount` of `token` from `payer` to `Channels`, on the payer's signature for this channel.
    function collect(address payer, address token, uint256 amount, bytes32 channelId, bytes calldata data) external;
}

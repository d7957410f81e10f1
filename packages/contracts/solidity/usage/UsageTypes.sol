// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice The gateway's promise before a run. Deadline in Unix milliseconds.
struct Order {
    bytes32 callId;
    address gateway;
    address node;
    bytes32 release;
    uint32 priceVersion;
    bytes32 payer;
    bytes32 request;
    uint8 mode;
    uint64 maxInputUnits;
    uint64 maxOutputUnits;
    uint256 nodeFee;
    uint256 gatewayFee;
    uint64 deadline;
}

/// @notice The node's statement after a run; `order` is the order's EIP-712 digest. Times in Unix milliseconds.
struct Receipt {
    bytes32 order;
    bytes32 response;
    bytes32 engine;
    uint64 inputUnits;
    uint64 outputUnits;
    uint256 charge;
    uint64 startedAt;
    uint64 finishedAt;
}

/// @notice What a leaf, and every node above it, adds up.
struct Sums {
    uint64 calls;
    uint64 inputUnits;
    uint64 outputUnits;
    uint256 nodeFee;
    uint256 gatewayFee;
}

/// @notice A neighbour on the way from a leaf to its line's root.
struct SumStep {
    bool siblingOnLeft;
    bytes32 hash;
    Sums sums;
}

/// @notice All calls of a batch that share release, price version and node; `root` is the top of their sum tree.
struct Line {
    bytes32 release;
    uint32 priceVersion;
    address node;
    uint64 calls;
    uint64 inputUnits;
    uint64 outputUnits;
    uint256 nodeFee;
    uint256 gatewayFee;
    bytes32 root;
}

/// @notice Part of a payment that goes back to who paid it.
struct Refund {
    address payer;
    uint256 amount;
}

/// @notice An anchored batch; two slots, kept for ever.
struct Batch {
    bytes32 root;
    uint64 blockNumber;
    uint64 timestamp;
}

/// @notice What has been paid for a release since it was published.
struct Usage {
    uint128 calls;
    uint128 inputUnits;
    uint128 outputUnits;
    uint256 gross;
    uint256 net;
}

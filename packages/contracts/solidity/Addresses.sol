// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Genesis addresses
/// @notice Contracts reference each other by constants: nobody can point one of them at another contract later.
/// A test compares this list with the network table of the `protocol` package.
library Addresses {
    address internal constant OPG = 0x4F50470000000000000000000000000000000001;
    address internal constant MODEL_REGISTRY = 0x4f50470000000000000000000000000000000002;
    address internal constant USAGE_LEDGER = 0x4F50470000000000000000000000000000000003;
    address internal constant ROYALTIES = 0x4f50470000000000000000000000000000000004;
    address internal constant NODE_REGISTRY = 0x4f50470000000000000000000000000000000005;
    /// @dev Receives the protocol fee and governs the listed parameters. On production networks the timelock stands here.
    address internal constant TREASURY = 0x4F50470000000000000000000000000000000007;
    /// @dev Gathers fees; `ValidatorSet` divides it among those who secure the chain.
    address internal constant REWARD_POOL = 0x4F50470000000000000000000000000000000006;
    address internal constant VALIDATOR_SET = 0x4f50470000000000000000000000000000000009;
    address internal constant CHANNELS = 0x4020074e9dF2ce1deE5A9C1b5c3f541D02a10003;
    address internal constant ERC3009_DEPOSIT_COLLECTOR = 0x4020806089470a89826cB9fB1f4059150b550004;
    address internal constant PERMIT2_DEPOSIT_COLLECTOR = 0x4020425FAf3B746C082C2f942b4E5159887B0005;
    address internal constant PERMIT2 = 0x000000000022D473030F116dDEE9F6B43aC78BA3;
    /// @dev Where OpenGradient's contracts and clients look for them.
    address internal constant INFERENCE = 0x00000000000000000000000000000000000000F4;
    address internal constant HISTORICAL = 0x00000000000000000000000000000000000000F5;
    address internal constant PREPROCESSING = 0x00000000000000000000000000000000000000f6;
    address internal constant INFERENCE_HUB = 0x8383C9bD7462F12Eb996DD02F78234C0421A6FaE;
    address internal constant WORKFLOW_SCHEDULER = 0x7179724De4e7FF9271FA40C0337c7f90C0508eF6;
    /// @dev Tells the contract at INFERENCE which transaction runs.
    address internal constant PIPE_PRECOMPILE = 0x00000000000000000000000000000000000000fc;
    /// @dev Checks Ed25519 signatures by the rules of consensus.
    address internal constant ED25519_PRECOMPILE = 0x00000000000000000000000000000000000000fb;
    /// @dev The sender of calls that the protocol makes itself (EIP-4788).
    address internal constant SYSTEM = 0xffffFFFfFFffffffffffffffFfFFFfffFFFfFFfE;
    address internal constant TRANSFER_PRECOMPILE = 0x00000000000000000000000000000000000000fd;
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Addresses} from "../Addresses.sol";

/// @title Proof of possession
/// @notice Who names a consensus key must show that it can sign with it: otherwise one could bond with a stranger's key, and be blamed for, or
/// paid for, what the stranger signs.
library Possession {
    /// @dev 32 bytes. With the chain and the operator behind it it is 96 bytes long and begins with another length, so it can never be a vote.
    bytes32 private constant PURPOSE = "freehold-validator-possession-v1";

    error InvalidPossession();
    error WeakKey(bytes32 publicKey);

    /// @notice What the consensus key signs: purpose, chain id, operator, 32 bytes each.
    function message(address operator) internal view returns (bytes memory) {
        return abi.encode(PURPOSE, block.chainid, operator);
    }

    /// @notice Reverts unless `signature` is the key's for this operator on this chain, by the rules of ZIP-215, as votes are checked.
    function check(bytes32 publicKey, bytes calldata signature, address operator) internal view {
        if (isWeak(publicKey)) revert WeakKey(publicKey);
        if (signature.length != 64) revert InvalidPossession();
        (bool success, bytes memory answer) =
            Addresses.ED25519_PRECOMPILE.staticcall(abi.encodePacked(publicKey, signature, message(operator)));
        if (!success || answer.length != 32 || abi.decode(answer, (uint256)) != 1) revert InvalidPossession();
    }

    /// @notice A key of small order: under ZIP-215 anybody can sign for it. All encodings of the eight points, without the sign bit.
    function isWeak(bytes32 publicKey) internal pure returns (bool) {
        bytes32 y = publicKey & ~bytes32(uint256(0x80));
        return y == 0 || y == 0x0100000000000000000000000000000000000000000000000000000000000000
            || y == 0xecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f
            || y == 0xedffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f
            || y == 0xeeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f
            || y == 0x26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05
            || y == 0xc7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a;
    }

    /// @notice A key's name in consensus: the first 20 bytes of its SHA-256.
    function consensusAddress(bytes32 publicKey) internal pure returns (address) {
        return address(bytes20(sha256(abi.encodePacked(publicKey))));
    }
}

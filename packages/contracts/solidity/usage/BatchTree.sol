// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Line, Refund, Sums, SumStep} from "./UsageTypes.sol";

/// @title The tree of a batch
/// @notice All hashes are keccak256 of ABI-encoded words that begin with a kind: 0 leaf, 1 inner node of a line's sum tree, 2 line,
/// 3 inner node of the batch's tree, 4 refunds. Levels are paired left to right; an odd last node moves up unchanged.
library BatchTree {
    uint256 internal constant MAX_STEPS = 32;

    /// @notice Top of the tree over the lines' hashes and, last, the refunds' hash.
    function rootOf(Line[] calldata lines, Refund[] calldata refunds) internal pure returns (bytes32) {
        uint256 count = lines.length + 1;
        bytes32[] memory level = new bytes32[](count);
        for (uint256 i; i < lines.length; ++i) level[i] = hashLine(lines[i]);
        level[lines.length] = keccak256(abi.encode(uint8(4), refunds));
        while (count > 1) {
            uint256 above;
            for (uint256 i; i + 1 < count; i += 2) {
                level[above++] = keccak256(abi.encode(uint8(3), level[i], level[i + 1]));
            }
            if (count % 2 == 1) level[above++] = level[count - 1];
            count = above;
        }
        return level[0];
    }

    function hashLine(Line calldata line) internal pure returns (bytes32) {
        return keccak256(abi.encode(uint8(2), line));
    }

    /// @notice Whether the leaf (receipt digest and its sums) stands in the tree whose top is the line's root with the line's sums.
    /// False also when a sum on the way overflows.
    function contains(Line calldata line, bytes32 receipt, Sums memory sums, SumStep[] calldata steps)
        internal
        pure
        returns (bool)
    {
        if (steps.length > MAX_STEPS) return false;
        bytes32 hash = keccak256(abi.encode(uint8(0), receipt, sums));
        for (uint256 i; i < steps.length; ++i) {
            SumStep calldata step = steps[i];
            hash = step.siblingOnLeft
                ? keccak256(abi.encode(uint8(1), step.hash, step.sums, hash, sums))
                : keccak256(abi.encode(uint8(1), hash, sums, step.hash, step.sums));
            if (!_add(sums, step.sums)) return false;
        }
        return hash == line.root && sums.calls == line.calls && sums.inputUnits == line.inputUnits
            && sums.outputUnits == line.outputUnits && sums.nodeFee == line.nodeFee && sums.gatewayFee == line.gatewayFee;
    }

    function _add(Sums memory sums, Sums calldata more) private pure returns (bool) {
        unchecked {
            sums.calls += more.calls;
            sums.inputUnits += more.inputUnits;
            sums.outputUnits += more.outputUnits;
            sums.nodeFee += more.nodeFee;
            sums.gatewayFee += more.gatewayFee;
        }
        return sums.calls >= more.calls && sums.inputUnits >= more.inputUnits && sums.outputUnits >= more.outputUnits
            && sums.nodeFee >= more.nodeFee && sums.gatewayFee >= more.gatewayFee;
    }
}

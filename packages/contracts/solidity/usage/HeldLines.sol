// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {PriceVersion} from "../ModelTypes.sol";
import {BatchTree} from "./BatchTree.sol";
import {UsageStore} from "./UsageStore.sol";
import {Line, Order, Receipt, Sums, SumStep} from "./UsageTypes.sol";

/// @title Held lines
/// @notice A line that the registry does not bear out stops no batch: its money waits here for the payers of its calls.
abstract contract HeldLines is UsageStore {
    event HeldClaimed(
        address indexed gateway, uint64 indexed seq, uint256 index, bytes32 receipt, address indexed payer, uint256 amount
    );

    error NothingHeld();
    error LineMismatch();
    error LeafAlreadyClaimed();
    error NotThePayer();

    /// @notice What is left of a held line; zero when it was paid or does not exist.
    function heldAmount(address gateway, uint64 seq, uint256 index) external view returns (uint256) {
        return _held[gateway][seq][index].amount;
    }

    /// @notice Gives a payer what their call put into a held line, once per leaf, as credit. Anyone may send it: the proof names the
    /// payer. The gateway's own anchoring binds the receipt, so no signature is needed.
    /// @param steps Way from the leaf to the line's root.
    /// @param leaf Sums of the leaf.
    /// @param salt With `payer`, opens the order's commitment.
    function claimHeld(
        address gateway,
        uint64 seq,
        uint256 index,
        Line calldata line,
        Sums calldata leaf,
        SumStep[] calldata steps,
        Order calldata order,
        Receipt calldata receipt,
        address payer,
        bytes32 salt
    ) external returns (uint256 amount) {
        Held storage held = _held[gateway][seq][index];
        if (held.lineHash == bytes32(0)) revert NothingHeld();
        if (held.lineHash != BatchTree.hashLine(line)) revert LineMismatch();
        bytes32 digest = receiptDigest(receipt);
        if (leaf.calls != 1 || !BatchTree.contains(line, digest, leaf, steps)) revert LeafNotInLine();
        if (receipt.order != orderDigest(order) || order.gateway != gateway) revert OrderMismatch();
        if (order.payer != keccak256(abi.encodePacked(payer, salt))) revert NotThePayer();
        bytes32 key = keccak256(abi.encode(gateway, seq, index, digest));
        if (_heldLeafClaimed[key]) revert LeafAlreadyClaimed();
        _heldLeafClaimed[key] = true;

        amount = leaf.nodeFee + leaf.gatewayFee;
        if (held.priced) {
            (PriceVersion memory price,) = _price(line.release, line.priceVersion);
            amount += _ownerAmount(price, 1, leaf.inputUnits, leaf.outputUnits);
        }
        held.amount -= uint248(amount);
        credit[payer] += amount;
        emit HeldClaimed(gateway, seq, index, digest, payer, amount);
    }
}

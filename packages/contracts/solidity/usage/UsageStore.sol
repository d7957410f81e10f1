// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {Addresses} from "../Addresses.sol";
import {IModelRegistry} from "../interfaces/IModelRegistry.sol";
import {PriceVersion} from "../ModelTypes.sol";
import {EvidenceHash} from "./EvidenceHash.sol";
import {Batch, Order, Receipt, Usage} from "./UsageTypes.sol";

/// @title What UsageLedger keeps
/// @notice All of its storage, in one place and one order, and what its parts share.
abstract contract UsageStore is EIP712 {
    uint256 internal constant BASIS_POINTS = 10_000;

    /// @notice The money of an inadmissible line, until its payers have taken it. `priced`: the owner's part is in it.
    struct Held {
        bytes32 lineHash;
        uint248 amount;
        bool priced;
    }

    /// @notice A call that its gateway is said to have kept for itself.
    struct Debt {
        address gateway;
        uint64 openedAt;
        uint8 status;
        address node;
        address reporter;
        bytes32 release;
        bytes32 receipt;
        uint256 ownerAmount;
        uint256 nodeFee;
        uint256 penalty;
        uint256 locked;
    }

    /// @dev Slots 0 and 1 hold EIP-712's fallback strings (empty here). See `layout.ts`.
    mapping(address gateway => mapping(uint64 seq => Batch)) internal _batches;
    mapping(address gateway => uint64) internal _lastSeq;
    /// @notice Protocol fee in basis points of the charge, never above `MAX_PROTOCOL_FEE_BPS` nor above the gateway's fee.
    uint16 public protocolFeeBps = 100;
    /// @notice Penalty for a call that is not anchored, in basis points of what it kept from owner and node.
    uint16 public penaltyBps = 5_000;
    /// @notice What an account may take out.
    mapping(address account => uint256) public credit;
    mapping(bytes32 release => Usage) internal _usage;
    mapping(address gateway => mapping(uint64 seq => mapping(uint256 index => Held))) internal _held;
    mapping(bytes32 heldLeaf => bool) internal _heldLeafClaimed;
    mapping(bytes32 order => Debt) internal _debts;

    error RootMismatch(bytes32 given, bytes32 computed);
    error LeafNotInLine();
    error OrderMismatch();

    constructor() EIP712("Freehold", "1") {}

    /// @notice EIP-712 digest that the gateway signs and `Receipt.order` holds.
    function orderDigest(Order calldata order) public view returns (bytes32) {
        return _hashTypedDataV4(EvidenceHash.hashOrder(order));
    }

    /// @notice EIP-712 digest that the node signs and a leaf of the batch holds.
    function receiptDigest(Receipt calldata receipt) public view returns (bytes32) {
        return _hashTypedDataV4(EvidenceHash.hashReceipt(receipt));
    }

    function _price(bytes32 release, uint32 version) internal view returns (PriceVersion memory, uint64) {
        return IModelRegistry(Addresses.MODEL_REGISTRY).priceOf(release, version);
    }

    function _ownerAmount(PriceVersion memory price, uint256 calls, uint256 inputUnits, uint256 outputUnits)
        internal
        pure
        returns (uint256)
    {
        return calls * price.perCall + inputUnits * price.perInputUnit + outputUnits * price.perOutputUnit;
    }

    function _least(uint256 a, uint256 b) internal pure returns (uint256) {
        return a < b ? a : b;
    }
}

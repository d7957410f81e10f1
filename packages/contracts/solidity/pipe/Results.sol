// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Addresses} from "../Addresses.sol";
import {IModelRegistry} from "../interfaces/IModelRegistry.sol";
import {IPrepaid, PaidCall} from "../interfaces/IPrepaid.sol";
import {PriceVersion} from "../ModelTypes.sol";
import {NodePool} from "./NodePool.sol";
import {Delivery, LLMChatResponse, LLMCompletionResponse, ModelOutput} from "./PipeTypes.sol";

interface INodeFees {
    struct Operator {
        uint96 bond;
        uint96 locked;
        uint48 registeredAt;
        uint8 roles;
        uint96 unbonding;
        uint64 unbondsAt;
        uint96 nodeFee;
        string endpoint;
    }

    function operatorOf(address operator) external view returns (Operator memory);
}

interface IProtocolFee {
    function protocolFeeBps() external view returns (uint16);
}

/// @title Results of contracts' model calls
/// @notice A node delivers a result by an ordinary transaction before the one that asked for it runs. A result stands for one call of one
/// transaction only, for a bounded number of blocks; its price is fixed when it is delivered. What was reached is paid, what was not costs nobody
/// anything, and its storage is freed when the call is settled.
abstract contract Results is NodePool {
    uint256 public constant MAX_RESULT_BYTES = 8_192;
    /// @notice Blocks after its delivery in which a result can be used.
    uint256 public constant EXPIRY_BLOCKS = 128;
    /// @notice A price may be used for this long after its end: the validity of a quote.
    uint64 public constant PRICE_GRACE = 5 minutes;
    uint256 public constant MAX_SETTLED = 64;
    uint256 private constant BASIS_POINTS = 10_000;
    address private constant SYSTEM = 0xffffFFFfFFffffffffffffffFfFFFfffFFFfFFfE;

    uint8 internal constant KIND_MODEL = 0;
    uint8 internal constant KIND_COMPLETION = 1;
    uint8 internal constant KIND_CHAT = 2;

    enum State {
        none,
        delivered,
        charged,
        unpaid
    }

    struct Result {
        address payer;
        State state;
        bool ok;
        uint64 blockNumber;
        PaidCall call;
        bytes output;
    }

    mapping(bytes32 id => Result) internal _results;

    event Delivered(bytes32 indexed id, address indexed operator, bytes32 indexed transaction, bool ok, uint256 price);
    event Settled(bytes32 indexed id, bool paid);

    error ResultTooLarge(uint256 bytes_);
    error AlreadyDelivered(bytes32 id);
    error PriceNotInForce(bytes32 release, uint32 version);
    error SimulationResult();
    error NotTheProtocol();
    error TooManySettled();

    /// @notice A call's id, as the precompile computes it when the transaction makes the call.
    function idOf(Delivery calldata d) public pure returns (bytes32) {
        return keccak256(abi.encode(d.transaction, uint256(d.index), requestHash(d.kind, d.payer, d.request)));
    }

    function requestHash(uint8 kind, address payer, bytes32 request) public pure returns (bytes32) {
        return keccak256(abi.encode(kind, payer, request));
    }

    /// @notice Delivers a result: by the assigned operator, or by a key of it.
    function deliver(Delivery calldata d) external returns (bytes32 id) {
        _onlyFor(d.operator);
        id = idOf(d);
        if (_results[id].state != State.none) revert AlreadyDelivered(id);
        _requireAssigned(id, d.operator, d.attempt);
        _close(id);
        emit Delivered(id, d.operator, d.transaction, d.ok, _take(id, d));
    }

    /// @dev Keeps a result, with its price of this moment, which it gives.
    function _take(bytes32 id, Delivery calldata d) internal returns (uint256 price) {
        if (d.output.length > MAX_RESULT_BYTES) revert ResultTooLarge(d.output.length);
        Result storage result = _results[id];
        (result.payer, result.state, result.ok, result.blockNumber) = (d.payer, State.delivered, d.ok, uint64(block.number));
        result.output = d.output;
        result.call.node = d.operator;
        if (!d.ok) return 0;
        PaidCall memory call = _priced(d.operator, d.release, d.priceVersion, d.inputUnits, d.outputUnits);
        result.call = call;
        _check(d.kind, d.output);
        return _sum(call);
    }

    /// @notice What the protocol says after a transaction: which results it used. Those whose use was undone are charged now.
    function afterTransaction(bytes32[] calldata ids) external {
        _onlyProtocolItself();
        for (uint256 i; i < ids.length; ++i) {
            Result storage result = _results[ids[i]];
            if (result.state != State.delivered) continue;
            bool paid = IPrepaid(Addresses.USAGE_LEDGER).chargeReached(result.payer, _total(result.call));
            result.state = paid ? State.charged : State.unpaid;
        }
    }

    /// @notice Pays for results that were used, and forgets them together with those that nobody can use any more, and with openings that are void.
    /// Others are left. Anyone may.
    function settle(bytes32[] calldata ids) external {
        if (ids.length > MAX_SETTLED) revert TooManySettled();
        for (uint256 i; i < ids.length; ++i) {
            Result storage result = _results[ids[i]];
            bool paid = result.state == State.charged;
            bool gone = result.state == State.unpaid || (result.state == State.delivered && _isExpired(result));
            if (result.state == State.none) _closeVoid(ids[i]);
            if (!paid && !gone) continue;
            PaidCall memory call = result.call;
            delete _results[ids[i]];
            emit Settled(ids[i], paid);
            if (paid) IPrepaid(Addresses.USAGE_LEDGER).payOut(call);
        }
    }

    /// @notice A result as it stands; `state` 0 there is none, 1 delivered, 2 charged, 3 not paid for.
    function resultOf(bytes32 id) external view returns (Result memory) {
        return _results[id];
    }

    function _isExpired(Result storage result) internal view returns (bool) {
        return result.blockNumber + EXPIRY_BLOCKS < block.number;
    }

    function _onlyProtocolItself() internal view {
        if (msg.sender != SYSTEM) revert NotTheProtocol();
    }

    function _total(PaidCall storage call) internal view returns (uint256) {
        return uint256(call.ownerAmount) + call.nodeFee + call.protocolFee;
    }

    function _sum(PaidCall memory call) internal pure returns (uint256) {
        return uint256(call.ownerAmount) + call.nodeFee + call.protocolFee;
    }

    /// @dev A call as it is paid at this moment's price. Reverts where that price is not in force.
    function _priced(address operator, bytes32 release, uint32 version, uint64 inputUnits, uint64 outputUnits)
        internal
        view
        returns (PaidCall memory)
    {
        (PriceVersion memory price, uint64 retiredAt) = IModelRegistry(Addresses.MODEL_REGISTRY).priceOf(release, version);
        bool withdrawn = price.validUntil != 0 && price.validUntil < price.validFrom;
        bool ended = price.validUntil != 0 && block.timestamp > price.validUntil + PRICE_GRACE;
        if (price.validFrom == 0 || price.validFrom > block.timestamp || withdrawn || ended || retiredAt != 0) {
            revert PriceNotInForce(release, version);
        }
        uint256 owner = price.perCall + uint256(inputUnits) * price.perInputUnit + uint256(outputUnits) * price.perOutputUnit;
        uint256 node = INodeFees(Addresses.NODE_REGISTRY).operatorOf(operator).nodeFee;
        uint256 protocol = (owner + node) * IProtocolFee(Addresses.USAGE_LEDGER).protocolFeeBps() / BASIS_POINTS;
        require(owner + node + protocol <= type(uint128).max, "price is out of range");
        return PaidCall(release, version, operator, inputUnits, outputUnits, uint128(owner), uint128(node), uint128(protocol));
    }

    /// @dev What cannot be decoded is refused here, and not when the contract that asked runs.
    function _check(uint8 kind, bytes calldata output) private pure {
        if (kind == KIND_MODEL) {
            if (abi.decode(output, (ModelOutput)).is_simulation_result) revert SimulationResult();
        } else if (kind == KIND_COMPLETION) {
            abi.decode(output, (LLMCompletionResponse));
        } else {
            abi.decode(output, (LLMChatResponse));
        }
    }
}

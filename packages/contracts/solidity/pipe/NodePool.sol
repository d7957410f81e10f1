// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Addresses} from "../Addresses.sol";

interface INodes {
    function isActive(address operator, uint8 role) external view returns (bool);

    function isKeyValid(address operator, address key, uint64 time) external view returns (bool);
}

/// @title Who answers which call
/// @notice Bonded inference operators enrol here. A call goes to one of them by sortition over its id and the hash of the block at which it was
/// dispatched; the next two in the list take over when that one is silent.
abstract contract NodePool {
    uint256 public constant MAX_NODES = 256;
    /// @notice The assigned node and two that follow it.
    uint8 public constant MAX_ATTEMPTS = 3;
    /// @notice Enrolled operators whose bond is gone are passed over, at most so many.
    uint256 private constant MAX_PROBES = 8;
    uint8 private constant ROLE_INFERENCE = 1;

    address[] private _nodes;
    mapping(address operator => uint256) private _place;

    event Enrolled(address indexed operator);
    event Left(address indexed operator);

    error NotTheOperator(address operator);
    error NotActive(address operator);
    error AlreadyEnrolled(address operator);
    error NotEnrolled(address operator);
    error TooManyNodes();
    error StillActive(address operator);

    function enroll(address operator) external {
        _onlyFor(operator);
        if (!isActive(operator)) revert NotActive(operator);
        if (_place[operator] != 0) revert AlreadyEnrolled(operator);
        if (_nodes.length == MAX_NODES) revert TooManyNodes();
        _nodes.push(operator);
        _place[operator] = _nodes.length;
        emit Enrolled(operator);
    }

    function withdraw(address operator) external {
        _onlyFor(operator);
        _remove(operator);
    }

    /// @notice Takes an operator off the list whose bond or role is gone; anyone may.
    function evict(address operator) external {
        if (isActive(operator)) revert StillActive(operator);
        _remove(operator);
    }

    function nodes() external view returns (address[] memory) {
        return _nodes;
    }

    function isEnrolled(address operator) external view returns (bool) {
        return _place[operator] != 0;
    }

    /// @notice Who may answer the call `id` that was dispatched on block `number` (one of the last 256), on attempt 0, 1 or 2. Zero: nobody.
    function assigned(bytes32 id, uint256 number, uint8 attempt) public view returns (address) {
        bytes32 hash = blockhash(number);
        uint256 count = _nodes.length;
        if (hash == 0 || count == 0 || attempt >= MAX_ATTEMPTS) return address(0);
        uint256 start = uint256(keccak256(abi.encode(id, hash))) % count;
        uint256 skip = attempt;
        for (uint256 i; i < MAX_PROBES; ++i) {
            address operator = _nodes[(start + i) % count];
            if (!isActive(operator)) continue;
            if (skip == 0) return operator;
            --skip;
        }
        return address(0);
    }

    function isActive(address operator) public view returns (bool) {
        return INodes(Addresses.NODE_REGISTRY).isActive(operator, ROLE_INFERENCE);
    }

    /// @dev The operator's account, or a key that the registry knows as the operator's now.
    function _onlyFor(address operator) internal view {
        if (msg.sender == operator) return;
        if (!INodes(Addresses.NODE_REGISTRY).isKeyValid(operator, msg.sender, uint64(block.timestamp))) {
            revert NotTheOperator(operator);
        }
    }

    function _remove(address operator) private {
        uint256 place = _place[operator];
        if (place == 0) revert NotEnrolled(operator);
        address last = _nodes[_nodes.length - 1];
        _nodes[place - 1] = last;
        _place[last] = place;
        _nodes.pop();
        delete _place[operator];
        emit Left(operator);
    }
}

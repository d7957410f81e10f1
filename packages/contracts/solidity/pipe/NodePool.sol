// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Addresses} from "../Addresses.sol";

interface INodes {
    function isActive(address operator, uint8 role) external view returns (bool);

    function isKeyValid(address operator, address key, uint64 time) external view returns (bool);
}

/// @title Who answers which call
/// @notice Bonded inference operators enrol here. One of them opens a call by a transaction. The block of that transaction draws the operator who
/// answers, by the randomness that its consensus block gives: nobody can know it before, and it stands, so that there is nothing to choose among. The
/// next two in the list take over when the drawn one is silent.
abstract contract NodePool {
    struct Opening {
        address operator;
        uint48 openedAt;
        uint48 number;
    }

    uint256 public constant MAX_NODES = 256;
    /// @notice The assigned node and two that follow it.
    uint8 public constant MAX_ATTEMPTS = 3;
    /// @notice Time of each of them before the next may answer too.
    uint256 public constant ATTEMPT_SECONDS = 15;
    /// @notice After so long an opening is void, and the call can be opened again: more than twice what the three attempts have.
    uint256 public constant OPENING_SECONDS = 120;
    /// @notice Calls that one transaction opens.
    uint256 public constant MAX_OPENED = 64;
    /// @notice Enrolled operators whose bond is gone are passed over, at most so many.
    uint256 private constant MAX_PROBES = 8;
    uint8 private constant ROLE_INFERENCE = 1;

    address[] private _nodes;
    mapping(address operator => uint256) private _place;
    mapping(bytes32 id => Opening) private _openings;

    event Opened(bytes32 indexed id, address indexed operator);
    event Enrolled(address indexed operator);
    event Left(address indexed operator);

    error NotTheOperator(address operator);
    error NotActive(address operator);
    error AlreadyEnrolled(address operator);
    error NotEnrolled(address operator);
    error TooManyNodes();
    error StillActive(address operator);
    error TooManyOpened();
    error NobodyActive();
    error NotOpen(bytes32 id);
    error TooEarly(uint256 from);
    error NotAssigned(address operator, address assigned);

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

    /// @notice Opens calls: by an enrolled operator. Those that are open already are passed over, so that two who open the same do not harm each other.
    function open(bytes32[] calldata ids, address operator) external {
        _onlyFor(operator);
        if (_place[operator] == 0) revert NotEnrolled(operator);
        if (ids.length > MAX_OPENED) revert TooManyOpened();
        for (uint256 i; i < ids.length; ++i) {
            bytes32 id = ids[i];
            if (_isOpen(_openings[id])) continue;
            address drawn = _draw(uint256(keccak256(abi.encode(id, block.prevrandao))), 0);
            if (drawn == address(0)) revert NobodyActive();
            _openings[id] = Opening(drawn, uint48(block.timestamp), uint48(block.number));
            emit Opened(id, drawn);
        }
    }

    /// @notice How a call was opened; zeros when it was not, or when that is void.
    function openingOf(bytes32 id) public view returns (Opening memory opening) {
        if (_isOpen(_openings[id])) opening = _openings[id];
    }

    /// @notice Who opens the call `id` when it is somebody's `turn`: a courtesy, so that not all do. Zero: nobody.
    function opener(bytes32 id, uint256 turn) external view returns (address) {
        return _draw(uint256(id), turn);
    }

    /// @notice Who may answer the call `id` on attempt 0, 1 or 2. Zero: nobody, or it is not open.
    function assigned(bytes32 id, uint8 attempt) public view returns (address) {
        address drawn = openingOf(id).operator;
        if (drawn == address(0) || attempt >= MAX_ATTEMPTS) return address(0);
        // The place counts from one: it is the index of the next in the list.
        return attempt == 0 ? drawn : _draw(_place[drawn] == 0 ? uint256(id) : _place[drawn], attempt - 1);
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

    /// @dev Whether `operator` may answer now. Not in the block that opened it: who makes that block knows the draw.
    function _requireAssigned(bytes32 id, address operator, uint8 attempt) internal view {
        Opening memory opening = openingOf(id);
        if (opening.operator == address(0)) revert NotOpen(id);
        uint256 from = opening.openedAt + uint256(attempt) * ATTEMPT_SECONDS;
        if (block.timestamp < from || block.number <= opening.number) revert TooEarly(from);
        address drawn = assigned(id, attempt);
        if (drawn != operator) revert NotAssigned(operator, drawn);
    }

    function _close(bytes32 id) internal {
        delete _openings[id];
    }

    /// @dev Frees the storage of an opening that is void.
    function _closeVoid(bytes32 id) internal {
        if (_openings[id].operator != address(0) && !_isOpen(_openings[id])) _close(id);
    }

    function _isOpen(Opening storage opening) private view returns (bool) {
        return opening.operator != address(0) && block.timestamp <= opening.openedAt + OPENING_SECONDS;
    }

    /// @dev The active operator at `start` in the list, or after it, passing over `skip` of them.
    function _draw(uint256 start, uint256 skip) private view returns (address) {
        uint256 count = _nodes.length;
        if (count == 0) return address(0);
        uint256 from = start % count;
        uint256 left = skip % count;
        for (uint256 i; i < MAX_PROBES; ++i) {
            address operator = _nodes[(from + i) % count];
            if (!isActive(operator)) continue;
            if (left == 0) return operator;
            --left;
        }
        return address(0);
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

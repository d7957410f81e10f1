// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {Addresses} from "./Addresses.sol";
import {INodeRegistry} from "./interfaces/INodeRegistry.sol";
import {Payout} from "./Payout.sol";

/// @title NodeRegistry
/// @notice Who offers which role, at which address, under which keys, and with how much at stake. Anyone may join with a bond and leave
/// after the unbonding delay. A key's interval is written once at each end: what it signed while valid stays provable for ever.
contract NodeRegistry is INodeRegistry {
    uint8 public constant ROLE_INFERENCE = 1;
    uint8 public constant ROLE_GATEWAY = 2;
    uint8 public constant ROLE_STORAGE = 4;
    uint8 public constant ROLE_ORACLE = 8;
    uint8 private constant ALL_ROLES = 15;
    uint64 public constant UNBONDING_DELAY = 7 days;
    uint256 public constant MAX_ENDPOINT_BYTES = 256;
    uint256 public constant LEAST_MIN_BOND = 1 ether;
    uint256 public constant MOST_MIN_BOND = 1_000_000 ether;

    /// @dev First slot: bond (bits 0–95), locked (96–191), registeredAt (192–239), roles (240–247): what a verifier proves.
    /// Second slot: unbonding (0–95), unbondsAt (96–159), nodeFee (160–255). Third: endpoint. 96 bits hold the whole supply.
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

    /// @dev One slot: validFrom (bits 0–63), validUntil (64–127). Unix seconds; validUntil is exclusive, the largest value while open.
    struct KeyInterval {
        uint64 validFrom;
        uint64 validUntil;
    }

    mapping(address operator => Operator) private _operators;
    mapping(address operator => mapping(address key => KeyInterval)) private _keys;
    /// @notice Least bond of an active operator.
    uint96 public minBond = 100 ether;

    event Registered(address indexed operator, uint8 roles, string endpoint, uint96 nodeFee);
    event RolesSet(address indexed operator, uint8 roles);
    event EndpointSet(address indexed operator, string endpoint);
    event NodeFeeSet(address indexed operator, uint96 nodeFee);
    event KeyAdded(address indexed operator, address indexed key, uint64 validFrom);
    event KeyRevoked(address indexed operator, address indexed key, uint64 validUntil);
    event Bonded(address indexed operator, address indexed from, uint256 amount, uint256 bond);
    event Unbonding(address indexed operator, uint256 amount, uint64 unbondsAt);
    event BondWithdrawn(address indexed operator, address indexed to, uint256 amount, uint256 bond);
    event BondLocked(address indexed operator, uint256 amount, uint256 locked);
    event BondUnlocked(address indexed operator, uint256 amount, uint256 locked);
    event Slashed(address indexed operator, uint256 amount, bytes32 indexed cause, uint256 bond);
    event MinBondSet(uint96 minBond);

    error AlreadyRegistered(address operator);
    error NotRegistered(address operator);
    error InvalidRoles(uint8 roles);
    error InvalidEndpoint();
    error BondTooSmall(uint256 bond, uint256 least);
    error InvalidKey(address key);
    error KeyExists(address key);
    error KeyNotOpen(address key);
    error NothingToUnbond(uint256 asked, uint256 bond);
    error TooEarly(uint256 from);
    error NotUsageLedger();
    error NotGovernor(address caller);
    error OutOfBounds(string parameter, uint256 least, uint256 most);

    // ── joining ─────────────────────────────────────────────────────────────────────────────────────────────────────

    /// @notice Registers the caller with a bond that it has approved before.
    /// @param roles Sum of `ROLE_…`.
    /// @param endpoint URL where it answers, 1 to 256 bytes.
    /// @param key First signing key.
    /// @param nodeFee What it asks for a call, smallest unit of OPG.
    function register(uint8 roles, string calldata endpoint, address key, uint96 nodeFee, uint96 bond) external {
        _register(roles, endpoint, key, nodeFee, bond);
    }

    /// @notice Registers with the allowance given by an ERC-2612 permit for exactly the bond. A permit that was used before it
    /// arrived here does no harm: the allowance is there.
    function registerWithPermit(
        uint8 roles,
        string calldata endpoint,
        address key,
        uint96 nodeFee,
        uint96 bond,
        uint256 deadline,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external {
        try IERC20Permit(Addresses.OPG).permit(msg.sender, address(this), bond, deadline, v, r, s) {} catch {}
        _register(roles, endpoint, key, nodeFee, bond);
    }

    /// @notice Adds to an operator's bond; anyone may.
    function addBond(address operator, uint96 amount) external {
        _requireRegistered(operator);
        _bond(operator, amount);
    }

    function setRoles(uint8 roles) external {
        _requireRegistered(msg.sender);
        _checkRoles(roles);
        _operators[msg.sender].roles = roles;
        emit RolesSet(msg.sender, roles);
    }

    function setEndpoint(string calldata endpoint) external {
        _requireRegistered(msg.sender);
        _setEndpoint(endpoint);
        emit EndpointSet(msg.sender, endpoint);
    }

    function setNodeFee(uint96 nodeFee) external {
        _requireRegistered(msg.sender);
        _operators[msg.sender].nodeFee = nodeFee;
        emit NodeFeeSet(msg.sender, nodeFee);
    }

    /// @notice A key signs for the caller from this block on.
    function addKey(address key) external {
        _requireRegistered(msg.sender);
        _addKey(key);
    }

    /// @notice Ends a key's interval with the present second (blocks share one, and what an earlier block anchored stays valid). It can
    /// never be opened again.
    function revokeKey(address key) external {
        KeyInterval storage interval = _keys[msg.sender][key];
        if (interval.validUntil != type(uint64).max) revert KeyNotOpen(key);
        interval.validUntil = uint64(block.timestamp) + 1;
        emit KeyRevoked(msg.sender, key, interval.validUntil);
    }

    // ── leaving ─────────────────────────────────────────────────────────────────────────────────────────────────────

    /// @notice Starts to take `amount` out of the bond in all; a second call replaces the first and starts the delay again.
    function unbond(uint96 amount) external {
        Operator storage operator = _operators[msg.sender];
        if (amount == 0 || amount > operator.bond) revert NothingToUnbond(amount, operator.bond);
        operator.unbonding = amount;
        operator.unbondsAt = uint64(block.timestamp) + UNBONDING_DELAY;
        emit Unbonding(msg.sender, amount, operator.unbondsAt);
    }

    /// @notice Pays out what has waited long enough. Locked bond stays until its fault is judged.
    function withdrawBond(address to) external returns (uint256 amount) {
        Operator storage operator = _operators[msg.sender];
        uint96 waiting = operator.unbonding;
        uint96 free = operator.bond - operator.locked;
        uint96 paid = waiting < free ? waiting : free;
        if (paid == 0) revert NothingToUnbond(waiting, free);
        if (block.timestamp < operator.unbondsAt) revert TooEarly(operator.unbondsAt);
        operator.unbonding = waiting - paid;
        operator.bond -= paid;
        emit BondWithdrawn(msg.sender, to, paid, operator.bond);
        Payout.send(to, paid);
        return paid;
    }

    // ── faults ──────────────────────────────────────────────────────────────────────────────────────────────────────

    /// @inheritdoc INodeRegistry
    function lock(address operator, uint256 amount) external returns (uint256 locked) {
        _onlyUsageLedger();
        Operator storage record = _operators[operator];
        uint96 free = record.bond - record.locked;
        locked = amount < free ? amount : free;
        record.locked += uint96(locked);
        emit BondLocked(operator, locked, record.locked);
    }

    /// @inheritdoc INodeRegistry
    function unlock(address operator, uint256 amount) external {
        _onlyUsageLedger();
        Operator storage record = _operators[operator];
        record.locked -= uint96(amount);
        emit BondUnlocked(operator, amount, record.locked);
    }

    /// @inheritdoc INodeRegistry
    function slash(address operator, uint256 amount, bytes32 cause) external {
        _onlyUsageLedger();
        Operator storage record = _operators[operator];
        record.locked -= uint96(amount);
        record.bond -= uint96(amount);
        if (record.unbonding > record.bond) record.unbonding = record.bond;
        emit Slashed(operator, amount, cause, record.bond);
        Payout.send(Addresses.USAGE_LEDGER, amount);
    }

    // ── governance ──────────────────────────────────────────────────────────────────────────────────────────────────

    function setMinBond(uint96 newMinBond) external {
        if (msg.sender != Addresses.TREASURY) revert NotGovernor(msg.sender);
        if (newMinBond < LEAST_MIN_BOND || newMinBond > MOST_MIN_BOND) {
            revert OutOfBounds("minBond", LEAST_MIN_BOND, MOST_MIN_BOND);
        }
        minBond = newMinBond;
        emit MinBondSet(newMinBond);
    }

    // ── views ───────────────────────────────────────────────────────────────────────────────────────────────────────

    function operatorOf(address operator) external view returns (Operator memory) {
        return _operators[operator];
    }

    function keyInterval(address operator, address key) external view returns (KeyInterval memory) {
        return _keys[operator][key];
    }

    /// @inheritdoc INodeRegistry
    function isKeyValid(address operator, address key, uint64 time) external view returns (bool) {
        KeyInterval storage interval = _keys[operator][key];
        return interval.validFrom != 0 && interval.validFrom <= time && time < interval.validUntil;
    }

    /// @notice Whether the operator took this role, whatever its bond is now: one that has to settle can still do so.
    function hasRole(address operator, uint8 role) external view returns (bool) {
        return _operators[operator].roles & role != 0;
    }

    /// @notice Whether the operator offers this role with at least the least bond staying in.
    function isActive(address operator, uint8 role) external view returns (bool) {
        Operator storage record = _operators[operator];
        return record.roles & role != 0 && record.bond - record.unbonding >= minBond;
    }

    // ── helpers ─────────────────────────────────────────────────────────────────────────────────────────────────────

    function _register(uint8 roles, string calldata endpoint, address key, uint96 nodeFee, uint96 bond) private {
        Operator storage operator = _operators[msg.sender];
        if (operator.registeredAt != 0) revert AlreadyRegistered(msg.sender);
        _checkRoles(roles);
        if (bond < minBond) revert BondTooSmall(bond, minBond);
        operator.registeredAt = uint48(block.timestamp);
        operator.roles = roles;
        operator.nodeFee = nodeFee;
        _setEndpoint(endpoint);
        emit Registered(msg.sender, roles, endpoint, nodeFee);
        _addKey(key);
        _bond(msg.sender, bond);
    }

    function _bond(address operator, uint96 amount) private {
        uint96 bond = _operators[operator].bond + amount;
        _operators[operator].bond = bond;
        emit Bonded(operator, msg.sender, amount, bond);
        Payout.collect(msg.sender, amount);
    }

    function _addKey(address key) private {
        if (key == address(0)) revert InvalidKey(key);
        KeyInterval storage interval = _keys[msg.sender][key];
        if (interval.validFrom != 0) revert KeyExists(key);
        interval.validFrom = uint64(block.timestamp);
        interval.validUntil = type(uint64).max;
        emit KeyAdded(msg.sender, key, uint64(block.timestamp));
    }

    function _setEndpoint(string calldata endpoint) private {
        uint256 length = bytes(endpoint).length;
        if (length == 0 || length > MAX_ENDPOINT_BYTES) revert InvalidEndpoint();
        _operators[msg.sender].endpoint = endpoint;
    }

    function _checkRoles(uint8 roles) private pure {
        if (roles == 0 || roles & ~ALL_ROLES != 0) revert InvalidRoles(roles);
    }

    function _requireRegistered(address operator) private view {
        if (_operators[operator].registeredAt == 0) revert NotRegistered(operator);
    }

    function _onlyUsageLedger() private view {
        if (msg.sender != Addresses.USAGE_LEDGER) revert NotUsageLedger();
    }
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Addresses} from "../Addresses.sol";
import {Payout} from "../Payout.sol";

/// @title Stakes
/// @notice Who stands behind which validator, with how much, and what it earned. Stake is held in shares of two pools of each validator: the active
/// one, and the one of those who are leaving. A fault takes the same part of both, in one step, whoever stands behind them.
abstract contract Stakes {
    /// @notice Longer than evidence counts (14 days), than a light client trusts a set (7 days), and than any dispute about a call runs.
    uint64 public constant UNBONDING_DELAY = 21 days;
    /// @notice Withdrawals that one account may have under way.
    uint256 public constant MAX_LEAVING = 16;
    uint16 public constant MAX_COMMISSION_BPS = 5_000;
    uint16 public constant MAX_COMMISSION_RISE_BPS = 100;
    uint64 public constant COMMISSION_RISE_DELAY = 1 days;
    uint256 private constant PRECISION = 1e18;

    struct Pool {
        uint128 tokens;
        uint128 shares;
    }

    /// @dev `jailedUntil`: 0 while it may vote, the largest value for ever. Unix seconds.
    struct Validator {
        bytes32 publicKey;
        uint64 jailedUntil;
        uint64 commissionSetAt;
        uint32 missed;
        uint16 commissionBps;
        /// Place in the list of candidates, from 1; 0 for none.
        uint16 place;
        /// What it had a say of in the epoch under way.
        uint64 power;
        Pool active;
        Pool leaving;
        uint256 rewardPerShare;
    }

    struct Delegation {
        uint128 shares;
        uint256 paidPerShare;
    }

    struct Leaving {
        address validator;
        uint64 releaseAt;
        uint128 shares;
    }

    mapping(address operator => Validator) internal _validators;
    mapping(address operator => mapping(address delegator => Delegation)) private _delegations;
    mapping(address delegator => Leaving[]) private _leaving;
    /// @notice What an account can claim at once.
    mapping(address account => uint256) public credit;

    event Delegated(address indexed operator, address indexed delegator, uint256 amount);
    event Undelegated(address indexed operator, address indexed delegator, uint256 amount, uint64 releaseAt);
    event Withdrawn(address indexed delegator, address indexed to, uint256 amount);
    event Claimed(address indexed account, address indexed to, uint256 amount);
    event CommissionSet(address indexed operator, uint16 commissionBps);

    error NotValidator(address operator);
    error NothingDelegated();
    error NotEnoughStake(uint256 asked, uint256 stake);
    error TooManyLeaving(uint256 most);
    error NothingToWithdraw();
    error NothingToClaim();
    error InvalidCommission(uint16 commissionBps);

    // ── putting in ──────────────────────────────────────────────────────────────────────────────────────────────────

    /// @notice Stands behind a validator with `amount` OPG, approved before; earns and answers with it.
    function delegate(address operator, uint128 amount) external {
        if (_validators[operator].publicKey == 0) revert NotValidator(operator);
        _delegate(operator, msg.sender, amount);
    }

    function _delegate(address operator, address delegator, uint128 amount) internal {
        Pool storage pool = _validators[operator].active;
        uint128 shares = pool.shares == 0 ? amount : uint128((uint256(amount) * pool.shares) / pool.tokens);
        if (shares == 0) revert NothingDelegated();
        _settle(operator, delegator);
        pool.tokens += amount;
        pool.shares += shares;
        _delegations[operator][delegator].shares += shares;
        emit Delegated(operator, delegator, amount);
        Payout.collect(delegator, amount);
        _stakeChanged(operator);
    }

    // ── taking out ──────────────────────────────────────────────────────────────────────────────────────────────────

    /// @notice Takes `amount` away from a validator. It is paid out by `withdraw` after the delay, and answers for the validator's faults until then.
    function undelegate(address operator, uint128 amount) external {
        Validator storage validator = _validators[operator];
        Delegation storage delegation = _delegations[operator][msg.sender];
        uint256 stake = stakeOf(operator, msg.sender);
        if (amount == 0 || amount > stake) revert NotEnoughStake(amount, stake);
        if (_leaving[msg.sender].length == MAX_LEAVING) revert TooManyLeaving(MAX_LEAVING);
        _settle(operator, msg.sender);
        Pool storage from = validator.active;
        uint128 shares = uint128((uint256(amount) * from.shares + from.tokens - 1) / from.tokens);
        if (shares > delegation.shares) shares = delegation.shares;
        uint128 tokens = shares == from.shares ? from.tokens : amount;
        delegation.shares -= shares;
        from.shares -= shares;
        from.tokens -= tokens;
        Pool storage to = validator.leaving;
        uint128 leavingShares = to.shares == 0 ? tokens : uint128((uint256(tokens) * to.shares) / to.tokens);
        to.shares += leavingShares;
        to.tokens += tokens;
        uint64 releaseAt = uint64(block.timestamp) + UNBONDING_DELAY;
        _leaving[msg.sender].push(Leaving(operator, releaseAt, leavingShares));
        emit Undelegated(operator, msg.sender, tokens, releaseAt);
        _stakeChanged(operator);
    }

    /// @notice Pays out everything of the caller that has waited long enough.
    function withdraw(address to) external returns (uint256 amount) {
        Leaving[] storage list = _leaving[msg.sender];
        for (uint256 index = list.length; index > 0; index--) {
            Leaving memory entry = list[index - 1];
            if (entry.releaseAt > block.timestamp) continue;
            Pool storage pool = _validators[entry.validator].leaving;
            uint128 tokens = entry.shares == pool.shares ? pool.tokens : _worth(pool, entry.shares);
            pool.tokens -= tokens;
            pool.shares -= entry.shares;
            amount += tokens;
            list[index - 1] = list[list.length - 1];
            list.pop();
        }
        if (amount == 0) revert NothingToWithdraw();
        emit Withdrawn(msg.sender, to, amount);
        Payout.send(to, amount);
    }

    /// @notice Pays the caller's rewards of these validators, and what it has of commission, to `to`.
    function claim(address[] calldata operators, address to) external returns (uint256 amount) {
        for (uint256 index = 0; index < operators.length; index++) _settle(operators[index], msg.sender);
        amount = credit[msg.sender];
        if (amount == 0) revert NothingToClaim();
        credit[msg.sender] = 0;
        emit Claimed(msg.sender, to, amount);
        Payout.send(to, amount);
    }

    /// @notice What the caller keeps of its delegators' rewards. A cut counts at once; a rise is at most a hundredth, once a day.
    function setCommission(uint16 commissionBps) external {
        Validator storage validator = _validators[msg.sender];
        if (validator.publicKey == 0) revert NotValidator(msg.sender);
        if (commissionBps > validator.commissionBps) {
            bool slow = commissionBps <= MAX_COMMISSION_BPS && commissionBps - validator.commissionBps <= MAX_COMMISSION_RISE_BPS
                && block.timestamp >= validator.commissionSetAt + COMMISSION_RISE_DELAY;
            if (!slow) revert InvalidCommission(commissionBps);
        }
        validator.commissionBps = commissionBps;
        validator.commissionSetAt = uint64(block.timestamp);
        emit CommissionSet(msg.sender, commissionBps);
    }

    // ── views ───────────────────────────────────────────────────────────────────────────────────────────────────────

    /// @notice What a delegator's part of a validator's active stake is worth now.
    function stakeOf(address operator, address delegator) public view returns (uint256) {
        return _worth(_validators[operator].active, _delegations[operator][delegator].shares);
    }

    /// @notice Rewards of one delegation that are not settled yet; `credit` holds the others.
    function rewardOf(address operator, address delegator) public view returns (uint256) {
        Delegation storage delegation = _delegations[operator][delegator];
        return (delegation.shares * (_validators[operator].rewardPerShare - delegation.paidPerShare)) / PRECISION;
    }

    /// @notice What an account is taking out: from whom, how much as things stand, and from when it can be withdrawn.
    function leavingOf(address delegator)
        external
        view
        returns (address[] memory operators, uint256[] memory amounts, uint64[] memory releaseAt)
    {
        Leaving[] storage list = _leaving[delegator];
        (operators, amounts, releaseAt) = (new address[](list.length), new uint256[](list.length), new uint64[](list.length));
        for (uint256 index = 0; index < list.length; index++) {
            Leaving storage entry = list[index];
            (operators[index], releaseAt[index]) = (entry.validator, entry.releaseAt);
            amounts[index] = _worth(_validators[entry.validator].leaving, entry.shares);
        }
    }

    // ── for the set ─────────────────────────────────────────────────────────────────────────────────────────────────

    /// @dev Divides a validator's reward between its commission and its delegators. Gives what was divided; nothing where nobody stands behind it.
    function _reward(address operator, uint256 amount) internal returns (uint256) {
        Validator storage validator = _validators[operator];
        if (validator.active.shares == 0) return 0;
        uint256 commission = (amount * validator.commissionBps) / 10_000;
        credit[operator] += commission;
        validator.rewardPerShare += ((amount - commission) * PRECISION) / validator.active.shares;
        return amount;
    }

    /// @dev Takes a part of all that stands behind a validator, and of what is leaving it, to the treasury.
    function _slash(address operator, uint256 bps) internal returns (uint256 amount) {
        Validator storage validator = _validators[operator];
        uint128 active = uint128((validator.active.tokens * bps) / 10_000);
        uint128 leaving = uint128((validator.leaving.tokens * bps) / 10_000);
        validator.active.tokens -= active;
        validator.leaving.tokens -= leaving;
        amount = uint256(active) + leaving;
        if (amount > 0) Payout.send(Addresses.TREASURY, amount);
    }

    /// @dev Called after the stake behind a validator has changed.
    function _stakeChanged(address operator) internal virtual;

    function _settle(address operator, address delegator) private {
        uint256 reward = rewardOf(operator, delegator);
        if (reward > 0) credit[delegator] += reward;
        _delegations[operator][delegator].paidPerShare = _validators[operator].rewardPerShare;
    }

    function _worth(Pool storage pool, uint256 shares) private view returns (uint128) {
        return shares == 0 ? 0 : uint128((shares * pool.tokens) / pool.shares);
    }
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Addresses} from "../Addresses.sol";
import {IPrepaid, PaidCall} from "../interfaces/IPrepaid.sol";
import {IRoyalties} from "../interfaces/IRoyalties.sol";
import {Payout} from "../Payout.sol";
import {UsageStore} from "./UsageStore.sol";
import {Usage} from "./UsageTypes.sol";

/// @title Prepaid balances
/// @notice What contracts (and accounts) ask of models inside a transaction is paid from here: by the immediate caller, never by the
/// transaction's sender, and never more for one call than that account's cap.
abstract contract Prepaid is UsageStore, IPrepaid {
    /// @notice Most for one call of an account that has set no cap of its own (a contract that cannot).
    uint256 public constant DEFAULT_CAP = 10 ether;
    /// @notice Between the notice and the withdrawal, so that a call under way cannot be left unpaid.
    uint64 public constant PREPAID_NOTICE = 10 minutes;

    struct Purse {
        uint128 balance;
        uint120 cap;
        bool hasCap;
        uint128 noticed;
        uint64 freeAt;
    }

    mapping(address account => Purse) private _purses;

    event PrepaidAdded(address indexed account, address indexed from, uint256 amount);
    event CapSet(address indexed account, uint256 cap);
    event PrepaidNotice(address indexed account, uint256 amount, uint64 freeAt);
    event PrepaidWithdrawn(address indexed account, address indexed to, uint256 amount);

    error NotInference();
    error NoNotice(address account);
    error NoticeTooEarly(uint64 freeAt);

    /// @notice Pays `amount` OPG of the caller, approved before, into an account's balance.
    function prepay(address account, uint128 amount) external {
        _purses[account].balance += amount;
        emit PrepaidAdded(account, msg.sender, amount);
        Payout.collect(msg.sender, amount);
    }

    /// @notice The most that one model call may cost the caller; 0 refuses all.
    function setCap(uint120 cap) external {
        Purse storage purse = _purses[msg.sender];
        (purse.cap, purse.hasCap) = (cap, true);
        emit CapSet(msg.sender, cap);
    }

    /// @notice Says that the caller wants `amount` back. It can still be charged for until it is taken.
    function noticePrepaid(uint128 amount) external {
        Purse storage purse = _purses[msg.sender];
        (purse.noticed, purse.freeAt) = (amount, uint64(block.timestamp) + PREPAID_NOTICE);
        emit PrepaidNotice(msg.sender, amount, purse.freeAt);
    }

    /// @notice Takes out what was noticed, or what is left of it.
    function withdrawPrepaid(address to) external returns (uint256 amount) {
        Purse storage purse = _purses[msg.sender];
        if (purse.noticed == 0) revert NoNotice(msg.sender);
        if (block.timestamp < purse.freeAt) revert NoticeTooEarly(purse.freeAt);
        amount = _least(purse.noticed, purse.balance);
        purse.noticed = 0;
        purse.balance -= uint128(amount);
        emit PrepaidWithdrawn(msg.sender, to, amount);
        Payout.send(to, amount);
    }

    function prepaidOf(address account) external view returns (uint256 balance, uint256 cap) {
        return (_purses[account].balance, capOf(account));
    }

    function capOf(address account) public view returns (uint256) {
        return _purses[account].hasCap ? _purses[account].cap : DEFAULT_CAP;
    }

    /// @inheritdoc IPrepaid
    function chargePrepaid(address payer, uint256 amount) external {
        _onlyInference();
        require(amount <= capOf(payer), "inference costs more than the caller's cap");
        require(amount <= _purses[payer].balance, "prepaid balance is too small");
        _purses[payer].balance -= uint128(amount);
    }

    /// @inheritdoc IPrepaid
    function chargeReached(address payer, uint256 amount) external returns (bool) {
        _onlyInference();
        if (amount > _purses[payer].balance) return false;
        _purses[payer].balance -= uint128(amount);
        return true;
    }

    /// @inheritdoc IPrepaid
    function payOut(PaidCall calldata call) external {
        _onlyInference();
        credit[call.node] += call.nodeFee;
        credit[Addresses.TREASURY] += call.protocolFee;
        Usage storage usage = _usage[call.release];
        usage.calls += 1;
        usage.inputUnits += call.inputUnits;
        usage.outputUnits += call.outputUnits;
        usage.gross += uint256(call.ownerAmount) + call.nodeFee + call.protocolFee;
        usage.net += call.ownerAmount;
        _emitPaid(call);
        if (call.ownerAmount == 0) return;
        Payout.send(Addresses.ROYALTIES, call.ownerAmount);
        IRoyalties(Addresses.ROYALTIES).book(call.release, call.ownerAmount);
    }

    /// @dev As a line of a batch whose gateway is `Inference`, so that every index of paid calls counts it.
    function _emitPaid(PaidCall calldata call) internal virtual;

    function _onlyInference() private view {
        if (msg.sender != Addresses.INFERENCE) revert NotInference();
    }
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice A contract's model call that was paid for, and whom it pays.
struct PaidCall {
    bytes32 release;
    uint32 priceVersion;
    address node;
    uint64 inputUnits;
    uint64 outputUnits;
    uint128 ownerAmount;
    uint128 nodeFee;
    uint128 protocolFee;
}

/// @notice The part of `UsageLedger` that pays for contracts' model calls. `Inference` alone may call it.
interface IPrepaid {
    /// @notice Takes `amount` from the payer's prepaid balance; reverts with the reason when it is above the cap or the balance.
    function chargePrepaid(address payer, uint256 amount) external;

    /// @notice The same after the transaction, when what it did was undone. False when the balance is gone.
    function chargeReached(address payer, uint256 amount) external returns (bool);

    /// @notice Divides what was charged for a call.
    function payOut(PaidCall calldata call) external;
}

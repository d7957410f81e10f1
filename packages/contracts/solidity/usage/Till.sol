// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Addresses} from "../Addresses.sol";
import {Payout} from "../Payout.sol";

/// @title Till
/// @notice Where a gateway's customers pay. It has no owner, no settings and one exit: `UsageLedger`, which splits what it takes.
/// Its address follows from the gateway's (`UsageLedger.till`), so it can be paid before it is opened.
contract Till {
    error NotUsageLedger();

    /// @notice Moves `amount` of OPG to `UsageLedger`, which alone may ask.
    function take(uint256 amount) external {
        if (msg.sender != Addresses.USAGE_LEDGER) revert NotUsageLedger();
        Payout.send(Addresses.USAGE_LEDGER, amount);
    }
}

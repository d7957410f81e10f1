// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Addresses} from "./Addresses.sol";

/// @title Moving OPG
/// @notice OPG moves the amount or reverts, and runs no code of the receiver: its answer is always true and needs no branch.
library Payout {
    function send(address to, uint256 amount) internal {
        IERC20(Addresses.OPG).transfer(to, amount);
    }

    function collect(address from, uint256 amount) internal {
        IERC20(Addresses.OPG).transferFrom(from, address(this), amount);
    }
}

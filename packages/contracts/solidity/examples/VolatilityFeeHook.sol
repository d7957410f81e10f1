// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {FreeholdInference} from "../pipe/FreeholdInference.sol";

/// @title A fee that follows volatility
/// @notice What a pool asks before a swap: a model that knows volatility sees the last price moves, and the fee is set between two bounds. Without an
/// answer (a call, an estimate) the fee is the highest, so that nobody is quoted less than they pay.
contract VolatilityFeeHook {
    uint256 public constant LEAST_BPS = 5;
    uint256 public constant MOST_BPS = 100;
    uint256 private constant ONE = 1e18;

    string public model;
    address public immutable pool;
    uint256 public lastFeeBps = MOST_BPS;

    event FeeSet(uint256 feeBps, int256 volatility);

    error NotThePool();

    constructor(string memory model_, address pool_) {
        model = model_;
        pool = pool_;
    }

    /// @param moves Recent relative price moves, 18 decimals.
    /// @return feeBps The fee of this swap in basis points.
    function beforeSwap(int256[] calldata moves) external returns (uint256 feeBps) {
        if (msg.sender != pool) revert NotThePool();
        (bool known, int256 volatility) =
            FreeholdInference.askNumber(model, FreeholdInference.row("X", moves, 18), "Y", 18);
        if (!known) return MOST_BPS;
        uint256 size = volatility < 0 ? 0 : uint256(volatility);
        // A volatility of 1 (100 %) costs the most.
        feeBps = size >= ONE ? MOST_BPS : LEAST_BPS + (MOST_BPS - LEAST_BPS) * size / ONE;
        lastFeeBps = feeBps;
        emit FeeSet(feeBps, volatility);
    }
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {FreeholdInference} from "../pipe/FreeholdInference.sol";
import {HistoricalInputQuery, ModelOutput} from "../pipe/PipeTypes.sol";

interface IHistorical {
    function runInferenceOnPriceFeed(string calldata modelId, string calldata inputName, HistoricalInputQuery calldata query)
        external
        returns (ModelOutput memory);
}

interface IScheduler {
    function registerTask(address contractAddress, uint256 endTime, uint256 frequencySeconds) external;
}

/// @title A forecast that is made again and again
/// @notice `run()` asks a model about the last candles and keeps the newest forecasts in a ring, with the block and who asked. Executors call it as the
/// scheduler says; anyone may, and the contract's prepaid balance pays, so a run is allowed once an interval.
contract ScheduledWorkflow {
    struct Forecast {
        int256 value;
        uint64 madeAt;
        address by;
    }

    uint256 public constant KEPT = 16;
    IHistorical private constant HISTORICAL = IHistorical(0x00000000000000000000000000000000000000F5);
    IScheduler private constant SCHEDULER = IScheduler(0x7179724De4e7FF9271FA40C0337c7f90C0508eF6);

    string public model;
    uint64 public immutable interval;
    uint256 public runs;
    Forecast[KEPT] private _ring;
    HistoricalInputQuery private _query;

    event Forecasted(uint256 indexed run, int256 value);

    error TooEarly(uint256 from);

    constructor(string memory model_, HistoricalInputQuery memory query_, uint64 interval_, uint256 endTime) {
        model = model_;
        interval = interval_;
        _query = query_;
        SCHEDULER.registerTask(address(this), endTime, interval_);
    }

    function run() external {
        Forecast memory last = latest();
        if (runs != 0 && block.timestamp < last.madeAt + interval) revert TooEarly(last.madeAt + interval);
        ModelOutput memory output = HISTORICAL.runInferenceOnPriceFeed(model, "X", _query);
        if (output.is_simulation_result) return;
        int256 value = FreeholdInference.number(output, "Y", 0, 18);
        _ring[runs % KEPT] = Forecast(value, uint64(block.timestamp), msg.sender);
        emit Forecasted(runs++, value);
    }

    function latest() public view returns (Forecast memory) {
        return _ring[(runs + KEPT - 1) % KEPT];
    }
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {FreeholdInference} from "../pipe/FreeholdInference.sol";
import {ModelOutput} from "../pipe/PipeTypes.sol";

/// @notice Asks in the ways that the rules speak of.
contract Prober {
    string public model;
    int256 public value;

    constructor(string memory model_) {
        model = model_;
    }

    function ask(int256 a, int256 b) public returns (int256) {
        (bool known, int256 answer) = FreeholdInference.askNumber(model, FreeholdInference.row("X", _pair(a, b), 0), "Y", 3);
        if (known) value = answer;
        return answer;
    }

    /// @notice The second question is the first one's answer.
    function chain(int256 a, int256 b) external {
        int256 first = ask(a, b);
        ask(first, 0);
    }

    function askAndRevert(int256 a, int256 b) external {
        ask(a, b);
        revert("after the answer");
    }

    /// @notice The inner call is undone, and asks before the outer one.
    function caught(int256 a, int256 b) external {
        try this.askAndRevert(a, b) {} catch {}
        ask(a, b);
    }

    function many(uint256 times) external {
        for (uint256 i; i < times; ++i) ask(int256(i), 1);
    }

    /// @notice Asks about what the state says when it runs.
    function askState() external {
        ask(value, 1);
    }

    uint256 public runs;

    /// @notice What the scheduler calls.
    function run() external {
        ask(int256(runs++), 1);
    }

    function set(int256 value_) external {
        value = value_;
    }

    function _pair(int256 a, int256 b) private pure returns (int256[] memory pair) {
        pair = new int256[](2);
        (pair[0], pair[1]) = (a, b);
    }

    /// @notice What the library refuses before anything is asked, and what it finds missing in an answer.
    function misshapen() external pure {
        uint32[] memory shape = new uint32[](1);
        shape[0] = 3;
        FreeholdInference.tensor("X", _pair(1, 2), shape, 0);
    }

    function outOfRange() external pure {
        FreeholdInference.row("X", _pair(type(int256).max, 0), 0);
    }

    function missing() external pure returns (int256) {
        ModelOutput memory empty;
        return FreeholdInference.number(empty, "Y", 0, 18);
    }
}

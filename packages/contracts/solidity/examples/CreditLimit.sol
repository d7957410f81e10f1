// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {FreeholdInference} from "../pipe/FreeholdInference.sol";

/// @title A credit limit that a model sets
/// @notice A lender's book: the owner states a borrower's features, a model scores them, and the score bounds what can be drawn. A simulation never
/// grants anything.
contract CreditLimit {
    string public model;
    address public immutable lender;
    /// @notice Limit at a score of 1, in the book's unit.
    uint256 public immutable most;
    mapping(address borrower => uint256) public limitOf;
    mapping(address borrower => uint256) public drawn;

    event Scored(address indexed borrower, int256 score, uint256 limit);
    event Drawn(address indexed borrower, uint256 amount);

    error NotTheLender();
    error AboveLimit(uint256 wanted, uint256 left);

    constructor(string memory model_, uint256 most_) {
        model = model_;
        most = most_;
        lender = msg.sender;
    }

    /// @param features 18 decimals.
    function score(address borrower, int256[] calldata features) external {
        if (msg.sender != lender) revert NotTheLender();
        (bool known, int256 value) =
            FreeholdInference.askNumber(model, FreeholdInference.row("X", features, 18), "Y", 18);
        if (!known) return;
        uint256 bounded = value <= 0 ? 0 : value >= 1e18 ? 1e18 : uint256(value);
        limitOf[borrower] = most * bounded / 1e18;
        emit Scored(borrower, value, limitOf[borrower]);
    }

    function draw(uint256 amount) external {
        uint256 left = limitOf[msg.sender] > drawn[msg.sender] ? limitOf[msg.sender] - drawn[msg.sender] : 0;
        if (amount > left) revert AboveLimit(amount, left);
        drawn[msg.sender] += amount;
        emit Drawn(msg.sender, amount);
    }
}

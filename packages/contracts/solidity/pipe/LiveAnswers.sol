// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Addresses} from "../Addresses.sol";
import {IPrepaid, PaidCall} from "../interfaces/IPrepaid.sol";
import {Delivery, LiveAnswer} from "./PipeTypes.sol";
import {Results} from "./Results.sol";

/// @title Answers without a transaction
/// @notice An operator of a ledger may let `eth_call` ask models. The answers are in no block; what they cost is: the operator pays owner, node and protocol
/// for them from a prepaid balance of its own, at the price of the moment, as for any call.
abstract contract LiveAnswers is Results {
    uint256 public constant MAX_LIVE = 64;

    /// @notice Answers that `payer` has paid `operator` for; by it a node knows whom it may go on answering.
    mapping(address payer => mapping(address operator => uint256)) public livePaid;

    event LivePaid(address indexed payer, address indexed operator, bytes32 indexed release, uint256 price);

    error TooManyLive();

    /// @notice Pays from the caller's prepaid balance for answers that it got. Reverts where one has no price now, or costs more than the caller's cap.
    function payLive(LiveAnswer[] calldata answers) external {
        if (answers.length > MAX_LIVE) revert TooManyLive();
        for (uint256 i; i < answers.length; ++i) {
            LiveAnswer calldata a = answers[i];
            PaidCall memory call = _priced(a.operator, a.release, a.priceVersion, a.inputUnits, a.outputUnits);
            uint256 price = _sum(call);
            IPrepaid(Addresses.USAGE_LEDGER).chargePrepaid(msg.sender, price);
            ++livePaid[msg.sender][a.operator];
            emit LivePaid(msg.sender, a.operator, a.release, price);
            IPrepaid(Addresses.USAGE_LEDGER).payOut(call);
        }
    }

    /// @notice What a ledger tells itself before it runs a call that is in no block: that this result was delivered. By the protocol only, which says it in none.
    /// @return price What the answer costs.
    function presume(bytes32 id, Delivery calldata d) external returns (uint256 price) {
        _onlyProtocolItself();
        return _take(id, d);
    }
}
